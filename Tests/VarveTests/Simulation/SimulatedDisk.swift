import Synchronization

@testable import Varve
import TestSupport

/// A disk in memory that fails when it is told to.
///
/// The fault model:
/// * A sector of 512 bytes is written whole or not at all, but for one, of which a power failure may leave a part written.
/// * Until a file is synced, a power failure keeps any seeded subset of the sectors written since the last sync, in no
///   order; of the file's size, the old or the new one. Bytes of a file that is mapped for writing count as written as
///   soon as they are stored.
/// * The system may write any dirty sector at any moment, so also a state between two syncs that was overwritten since.
/// * A name created, replaced or removed is durable when its folder is synced; of the changes before that, a power failure
///   keeps a seeded subset. What lies in a folder that is gone is gone.
/// * At a chosen call, power fails (all later calls are errors); or that call alone is an error: a write is then done in
///   part; a sync that fails has written some sectors, and the others count as clean and are never written.
/// * A killed process leaves everything as it saw it, but no more durable than it was.
final class SimulatedDisk: FileSystem, @unchecked Sendable {
    enum Call: Hashable { case write, allocate, truncate, sync, name, syncDirectory }

    enum Fault: Equatable {
        case powerFailure
        case error(StoreError.Kind)
    }

    private enum Entry {
        case file(SimulatedInode)
        case folder
    }

    private struct NameChange {
        var folder: String
        var name: String
        /// nil: removed.
        var entry: Entry?
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var durableEntries: [String: Entry] = [:]
        var pending: [NameChange] = []
        var locks: Set<String> = []
        var calls = 0
        var counts: [Call: Int] = [:]
        var kinds: [Call] = []
        var fault: (at: Int, fault: Fault)?
        var isDead = false
        var gate: (@Sendable (Call, String) -> Void)?
        var random: SeededGenerator
        var afterCrash: [String: Entry]?
    }

    private let state: Mutex<State>
    private let modelsPower: Bool
    private let seed: UInt64

    /// - Parameter modelsPower: false for tests that need files in memory and no faults.
    init(seed: UInt64 = 0, modelsPower: Bool = true) {
        self.seed = seed
        self.modelsPower = modelsPower
        state = Mutex(State(random: SeededGenerator(seed: seed)))
    }

    // MARK: What a test asks for

    /// Calls that changed something, so far; in their order.
    var calls: [Call] { state.withLock { $0.kinds } }
    func count(_ call: Call) -> Int { state.withLock { $0.counts[call] ?? 0 } }
    var isDead: Bool { state.withLock { $0.isDead } }

    func fail(at call: Int, with fault: Fault) { state.withLock { $0.fault = (call, fault) } }

    /// Called before each write and sync of a file, without a lock, and may hold it up.
    func setGate(_ gate: (@Sendable (Call, String) -> Void)?) { state.withLock { $0.gate = gate } }

    private func passGate(_ call: Call, _ name: String) { state.withLock { $0.gate }?(call, name) }

    /// The process is gone, the machine is not.
    func kill() { state.withLock { $0.locks.removeAll() } }

    /// The disk as it is found after the power failed: at the call that was chosen, or else now.
    func afterPowerFailure(seed: UInt64) -> SimulatedDisk {
        let result = SimulatedDisk(seed: seed)
        let entries = state.withLock { state in
            if state.afterCrash == nil { SimulatedDisk.crash(&state) }
            // Each caller gets a disk of its own.
            var copies = state.afterCrash!
            for (name, entry) in copies {
                if case .file(let inode) = entry { copies[name] = .file(inode.survivor(&state.random)) }
            }
            return copies
        }
        result.state.withLock {
            $0.entries = entries
            $0.durableEntries = entries
        }
        return result
    }

    /// Changes a byte of a file, as a medium that ages does.
    func damage(_ path: String, at offset: Int, _ change: (UInt8) -> UInt8 = { $0 ^ 0x10 }) {
        state.withLock { state in
            guard case .file(let inode)? = state.entries[path] else { preconditionFailure("there is no file \(path)") }
            let value = change(inode.bytes.load(fromByteOffset: offset, as: UInt8.self))
            inode.bytes.storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
            inode.durable?.storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
        }
    }

    func cut(_ path: String, to size: Int) {
        state.withLock { state in
            guard case .file(let inode)? = state.entries[path] else { preconditionFailure("there is no file \(path)") }
            inode.truncate(size)
            inode.sync()
        }
    }

    func contents(_ path: String) -> [UInt8]? {
        state.withLock { state in
            guard case .file(let inode)? = state.entries[path] else { return nil }
            return Array(UnsafeRawBufferPointer(start: inode.bytes, count: inode.size))
        }
    }

    func size(_ path: String) -> Int? { contents(path)?.count }

    // MARK: Calls

    private static let powerless = StoreError(.io, "the power failed")

    func look<R>(_ body: () -> R) throws(StoreError) -> R {
        let result: Result<R, StoreError> = state.withLock {
            $0.isDead ? .failure(SimulatedDisk.powerless) : .success(body())
        }
        return try result.get()
    }

    /// Makes a change, unless it is the one that is to fail.
    /// - Parameter partly: does it, or so much of it.
    func change(_ call: Call, _ name: String, partly: (Double) -> Void) throws(StoreError) {
        passGate(call, name)
        let failure: StoreError? = state.withLock { state in
            guard let fault = SimulatedDisk.begin(call, &state) else {
                if state.isDead { return SimulatedDisk.powerless }
                partly(1)
                return nil
            }
            partly(Double.random(in: 0..<1, using: &state.random))
            return SimulatedDisk.take(fault, name, &state)
        }
        if let failure { throw failure }
    }

    func sync(_ inode: SimulatedInode, _ name: String) throws(StoreError) {
        passGate(.sync, name)
        let failure: StoreError? = state.withLock { state in
            guard let fault = SimulatedDisk.begin(.sync, &state) else {
                if state.isDead { return SimulatedDisk.powerless }
                inode.sync()
                return nil
            }
            inode.writeBack(&state.random)
            if fault != .powerFailure { inode.dirty = nil }
            return SimulatedDisk.take(fault, name, &state)
        }
        if let failure { throw failure }
    }

    /// Counts a call. - Returns: how it fails, if it does.
    private static func begin(_ call: Call, _ state: inout State) -> Fault? {
        guard !state.isDead else { return nil }
        state.calls += 1
        state.counts[call, default: 0] += 1
        state.kinds.append(call)
        if state.fault != nil, state.random.once(in: 6) {
            // The system writes something unasked.
            let files = state.entries.sorted { $0.key < $1.key }.compactMap {
                if case .file(let inode) = $0.value { inode } else { nil }
            }
            files.randomElement(using: &state.random)?.writeBack(&state.random)
        }
        return state.fault?.at == state.calls ? state.fault?.fault : nil
    }

    private static func take(_ fault: Fault, _ name: String, _ state: inout State) -> StoreError {
        switch fault {
        case .error(let kind): return StoreError(kind, "\(name): an error of the simulated disk")
        case .powerFailure:
            crash(&state)
            return powerless
        }
    }

    private static func crash(_ state: inout State) {
        state.isDead = true
        var entries = state.durableEntries
        for change in state.pending where Bool.random(using: &state.random) { entries[change.name] = change.entry }
        for name in entries.keys.sorted() where !hasFolder(name, entries) { entries[name] = nil }
        for (name, entry) in entries.sorted(by: { $0.key < $1.key }) {
            if case .file(let inode) = entry { entries[name] = .file(inode.survivor(&state.random)) }
        }
        state.afterCrash = entries
    }

    private static func hasFolder(_ name: String, _ entries: [String: Entry]) -> Bool {
        let folder = FileNames.folder(above: name)
        if folder == "." { return true }
        return entries[folder] != nil && hasFolder(folder, entries)
    }

    // MARK: Names

    private func setName(_ name: String, _ entry: Entry?) throws(StoreError) {
        try changeNames(name) { state in
            state.entries[name] = entry
            state.pending.append(NameChange(folder: FileNames.folder(above: name), name: name, entry: entry))
        }
    }

    private func changeNames(_ name: String, _ body: (inout State) -> Void) throws(StoreError) {
        let failure: StoreError? = state.withLock { state in
            let fault = SimulatedDisk.begin(.name, &state)
            if state.isDead { return SimulatedDisk.powerless }
            if fault == nil || fault == .powerFailure { body(&state) }
            return fault.map { SimulatedDisk.take($0, name, &state) }
        }
        if let failure { throw failure }
    }

    private func entry(_ path: String) throws(StoreError) -> Entry? {
        let result: Result<Entry?, StoreError> = state.withLock {
            $0.isDead ? .failure(SimulatedDisk.powerless) : .success($0.entries[path])
        }
        return try result.get()
    }

    func open(_ path: String, create: Bool, writable: Bool) throws(StoreError) -> any File {
        if case .file(let inode)? = try entry(path) { return SimulatedFile(self, inode, path) }
        guard create else { throw StoreError(.notFound, "there is no file \(path)") }
        let inode = SimulatedInode(keepsDurable: modelsPower)
        try setName(path, .file(inode))
        return SimulatedFile(self, inode, path)
    }

    func exists(_ path: String) throws(StoreError) -> Bool { try entry(path) != nil }

    func createDirectory(_ path: String) throws(StoreError) {
        if try entry(path) == nil { try setName(path, .folder) }
    }

    func list(_ path: String) throws(StoreError) -> [String] {
        let result: Result<[String], StoreError> = state.withLock { state in
            if state.isDead { return .failure(SimulatedDisk.powerless) }
            return .success(
                state.entries.keys.filter { FileNames.folder(above: $0) == path }.map {
                    String($0.dropFirst(path.count + 1))
                })
        }
        return try result.get()
    }

    func remove(_ path: String) throws(StoreError) { try setName(path, nil) }

    func rename(_ from: String, to: String) throws(StoreError) {
        let moved = try entry(from)
        try changeNames(to) { state in
            state.entries[to] = moved
            state.entries[from] = nil
            state.pending.append(NameChange(folder: FileNames.folder(above: to), name: to, entry: moved))
            state.pending.append(NameChange(folder: FileNames.folder(above: from), name: from, entry: nil))
        }
    }

    func syncDirectory(_ path: String) throws(StoreError) {
        let failure: StoreError? = state.withLock { state in
            if let fault = SimulatedDisk.begin(.syncDirectory, &state) { return SimulatedDisk.take(fault, path, &state) }
            if state.isDead { return SimulatedDisk.powerless }
            for change in state.pending where change.folder == path { state.durableEntries[change.name] = change.entry }
            state.pending.removeAll { $0.folder == path }
            return nil
        }
        if let failure { throw failure }
    }

    // MARK: Locks

    func lock(_ path: String) throws(StoreError) -> any FileLock {
        if try entry(path) == nil { try setName(path, .file(SimulatedInode(keepsDurable: modelsPower))) }
        guard state.withLock({ $0.locks.insert(path).inserted }) else { throw StoreError(.locked, "\(path) is locked") }
        return SimulatedLock(self, path)
    }

    fileprivate func unlock(_ path: String) { state.withLock { _ = $0.locks.remove(path) } }
}

private final class SimulatedLock: FileLock {
    private let disk: SimulatedDisk
    private let path: String
    private let isHeld = Mutex(true)

    init(_ disk: SimulatedDisk, _ path: String) {
        self.disk = disk
        self.path = path
    }

    func release() {
        let wasHeld = isHeld.withLock { held in
            defer { held = false }
            return held
        }
        if wasHeld { disk.unlock(path) }
    }

    deinit { release() }
}
