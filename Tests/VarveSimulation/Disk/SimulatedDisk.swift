import TestSupport
import Varve

/// A disk in memory that fails when it is told to, or at seeded moments.
///
/// The fault model:
/// * **Power.** At a chosen call, or whenever somebody asks what would be left, power fails. A sector of 512 bytes is then
///   written whole or not at all, but for one in each file, of which any part may be written, and in which the bytes that
///   were to become others may be anything.
/// * **Bytes.** Until a file is synced, a power failure keeps of the sectors written since the last sync a seeded subset:
///   all, none, some in no order, those before a place or those behind it. Of the file's size it keeps the old, the new,
///   or one between. Bytes of a file that is mapped for writing count as written as soon as they are stored.
/// * **Write-back.** The system may write any dirty sector at any moment, so also a state between two syncs that was
///   overwritten since.
/// * **Names.** A name created, replaced or removed is durable when its folder is synced; of the changes before that, a
///   power failure keeps a seeded subset, each half of a rename on its own. What lies in a folder that is gone is gone.
/// * **Errors.** A chosen call, or any call once in so many, is an error: EIO from each, ENOSPC from those that need space.
///   A write is then done in part, up to any byte: a short write and what followed from it; a name is not changed; a lock is
///   not taken.
/// * **Failed syncs.** A sync that fails has written some sectors; the others the system takes for written from then on, and
///   no later sync writes them unless they are written to again (of a file that is mapped anew, any page may be). When the
///   process ends the system may forget them, so that the next one reads the older bytes.
/// * **Space.** The disk may have a size: what would take more is ENOSPC, a write after the part for which there was space.
/// * **Processes.** A killed process leaves everything as it saw it, but no more durable than it was; its locks are gone.
/// * **Rot.** A byte on the medium may change (`damage`), a file be cut (`cut`).
///
/// It may be asked at any call what a power failure would leave (`survivor`), without harm to the run that goes on.
package final class SimulatedDisk: FileSystem, @unchecked Sendable {
    package enum Call: Hashable, Sendable {
        // These change something: a power failure at them leaves something else each time.
        case write, allocate, truncate, sync, name, syncDirectory
        // These do not.
        case open, look, read, map, list, lock

        var needsSpace: Bool { self == .write || self == .allocate || self == .name }
    }

    package enum Fault: Equatable, Sendable {
        case powerFailure
        case error(StoreError.Kind)
    }

    enum Entry {
        case file(SimulatedInode)
        case folder
    }

    struct NameChange {
        var folder: String
        var name: String
        /// nil: removed.
        var entry: Entry?
        /// The name that a folder had before, with all that lies in it.
        var movedFrom: String?

        func apply(to entries: inout [String: Entry]) {
            if let movedFrom { SimulatedDisk.move(movedFrom, to: name, &entries) } else { entries[name] = entry }
        }
    }

    static func move(_ from: String, to: String, _ entries: inout [String: Entry]) {
        for (name, entry) in entries where name == from || name.hasPrefix(from + "/") {
            entries[name] = nil
            entries[to + name.dropFirst(from.count)] = entry
        }
    }

    struct State {
        var entries: [String: Entry] = [:]
        var durableEntries: [String: Entry] = [:]
        var pending: [NameChange] = []
        var locks: [String: Int] = [:]
        var locksTaken = 0
        var calls = 0
        var counts: [Call: Int] = [:]
        var kinds: [Call] = []
        var fault: (at: Int, fault: Fault)?
        var faults = Faults()
        /// Errors that were given so far.
        var errors = 0
        var isDead = false
        var canLink = true
        var gate: (@Sendable (Call, String) -> Void)?
        var observer: ((Int, Call, String) -> Void)?
        var random: SeededGenerator
        var afterCrash: [String: Entry]?
    }

    /// What goes wrong by itself, at moments that the disk's seed decides.
    package struct Faults: Sendable {
        /// A call fails once in so many; nil: never.
        package var errorOdds: Int?
        /// Bytes of all files at most.
        package var capacity: Int?
        /// Before a change, once in so many, some file is written in part unasked.
        package var writeBackOdds: Int?
        package init() {}
    }

    let state: Guarded<State>
    let modelsPower: Bool

    /// - Parameter modelsPower: false for tests that need files in memory and no faults.
    package init(seed: UInt64 = 0, modelsPower: Bool = true) {
        self.modelsPower = modelsPower
        state = Guarded(State(random: SeededGenerator(seed: seed)))
    }

    // MARK: What a test asks for

    /// Calls that changed something, so far; in their order.
    package var calls: [Call] { state.withLock { $0.kinds } }
    package func count(_ call: Call) -> Int { state.withLock { $0.counts[call] ?? 0 } }
    package var isDead: Bool { state.withLock { $0.isDead } }
    /// Errors given so far.
    package var errors: Int { state.withLock { $0.errors } }

    /// At the call of this number, from 1, of those that change something.
    package func fail(at call: Int, with fault: Fault) { state.withLock { $0.fault = (call, fault) } }

    package var faults: Faults {
        get { state.withLock { $0.faults } }
        set { state.withLock { $0.faults = newValue } }
    }

    /// Called before each write and sync of a file, without a lock, and may hold it up.
    package func setGate(_ gate: (@Sendable (Call, String) -> Void)?) { state.withLock { $0.gate = gate } }

    /// Called at each call that changes something, with its number, by the thread that makes it, at the moment when most may
    /// be lost: before a sync, and after any other. It may ask for a `survivor`.
    package func setObserver(_ observer: ((Int, Call, String) -> Void)?) {
        state.withLock { $0.observer = observer }
    }

    /// The process is gone, the machine is not.
    package func kill() {
        state.withLock { state in
            state.locks.removeAll()
            for inode in SimulatedDisk.files(state) { inode.processEnded(&state.random) }
        }
    }

    /// The disk as it would be found if the power failed now. The one that is asked goes on.
    package func survivor(seed: UInt64) -> SimulatedDisk {
        var random = SeededGenerator(seed: seed)
        let entries = state.withLock { SimulatedDisk.remains($0, &random) }
        return SimulatedDisk(entries, seed: random.next())
    }

    /// The disk as it is found after the power failed: at the call that was chosen, or else now. Nothing works any more on
    /// the one that is asked.
    package func afterPowerFailure(seed: UInt64) -> SimulatedDisk {
        let entries = state.withLock { state in
            if state.afterCrash == nil { SimulatedDisk.crash(&state) }
            // Each caller gets a disk of its own.
            var copies = state.afterCrash!
            for (name, entry) in copies {
                if case .file(let inode) = entry { copies[name] = .file(inode.survivor(&state.random)) }
            }
            return copies
        }
        return SimulatedDisk(entries, seed: seed)
    }

    private convenience init(_ entries: [String: Entry], seed: UInt64) {
        self.init(seed: seed)
        state.withLock {
            $0.entries = entries
            $0.durableEntries = entries
        }
    }

    private func inode(_ path: String, _ state: State) -> SimulatedInode {
        guard case .file(let inode)? = state.entries[path] else { preconditionFailure("there is no file \(path)") }
        return inode
    }

    /// Changes a byte of a file, as a medium that ages does.
    package func damage(_ path: String, at offset: Int, _ change: (UInt8) -> UInt8 = { $0 ^ 0x10 }) {
        state.withLock { inode(path, $0).damage(at: offset, change) }
    }

    package func cut(_ path: String, to size: Int) {
        state.withLock { state in
            let inode = inode(path, state)
            inode.truncate(size)
            inode.sync()
        }
    }

    /// - Parameter count: from the file's begin, so many bytes at most.
    package func contents(_ path: String, prefix count: Int = .max) -> [UInt8]? {
        state.withLock { state in
            guard case .file(let inode)? = state.entries[path] else { return nil }
            return Array(UnsafeRawBufferPointer(start: inode.bytes, count: min(inode.size, count)))
        }
    }

    package func size(_ path: String) -> Int? {
        state.withLock { if case .file(let inode)? = $0.entries[path] { inode.size } else { nil } }
    }

    /// Paths of all files, in order.
    package var paths: [String] {
        state.withLock { state in
            state.entries.compactMap { if case .file = $0.value { $0.key } else { nil } }.sorted()
        }
    }

    static func files(_ state: State) -> [SimulatedInode] {
        state.entries.sorted { $0.key < $1.key }.compactMap { if case .file(let inode) = $0.value { inode } else { nil } }
    }

    // MARK: Power

    static func crash(_ state: inout State) {
        state.isDead = true
        var random = state.random
        state.afterCrash = remains(state, &random)
        state.random = random
    }

    private static func remains(_ state: State, _ random: inout SeededGenerator) -> [String: Entry] {
        var entries = state.durableEntries
        for change in state.pending where Bool.random(using: &random) { change.apply(to: &entries) }
        for name in entries.keys.sorted() where !hasFolder(name, entries) { entries[name] = nil }
        for (name, entry) in entries.sorted(by: { $0.key < $1.key }) {
            if case .file(let inode) = entry { entries[name] = .file(inode.survivor(&random)) }
        }
        return entries
    }

    private static func hasFolder(_ name: String, _ entries: [String: Entry]) -> Bool {
        let folder = FileNames.folder(above: name)
        if folder == "." { return true }
        return entries[folder] != nil && hasFolder(folder, entries)
    }
}
