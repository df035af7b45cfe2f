import MailModel
import TestSupport
import Testing
import VarveSimulation

@testable import Varve

/// A run of commits that is the same each time: what a state must be after commit n is known from a run without faults.
struct Workload {
    static let path = "store"
    static let segmentSize = 1 << 20
    static let superblock = "\(path)/\(FileNames.superblock)"
    static let index = "\(path)/\(FileNames.index)"
    static func segment(_ number: UInt32) -> String { "\(path)/\(FileNames.segment(number))" }

    /// A disk on which all of it has been done, and the account as it is then.
    static func finished() throws -> (SimulatedDisk, Summary) {
        let disk = SimulatedDisk()
        var workload = Workload(seed: 3, records: true)
        try workload.run(on: disk)
        return (disk, try #require(workload.states[workload.acknowledged]))
    }

    /// Compressed once, not in each of a thousand runs.
    private static let small = (0..<24).map {
        try! PreparedMessage(Array("Subject: message \($0)\r\n\r\nbody \($0)\r\n".utf8))
    }
    private static let large: PreparedMessage = {
        var random = SeededGenerator(seed: 1)
        return try! PreparedMessage((0..<400_000).map { _ in UInt8.random(in: 0...255, using: &random) })
    }()

    static func options(_ disk: SimulatedDisk, touches: PageTouchCounter? = nil) -> StoreOptions {
        var options = StoreOptions()
        options.fileSystem = disk
        options.backgroundMaintenance = false
        options.segmentSize = segmentSize
        options.clock = { 1_700_000_000_000 }
        options.random = { 0x1234_5678_9abc_def0 }
        options.pageTouches = touches
        return options
    }

    /// Modseq of the last commit that returned.
    private(set) var acknowledged: UInt64 = 0
    /// Modseq of the last commit that was begun.
    private(set) var begun: UInt64 = 0
    /// The account after each commit.
    private(set) var states: [UInt64: Summary] = [:]
    let records: Bool
    private var random: SeededGenerator

    /// Changes the options that the store is opened with.
    private let adjust: (inout StoreOptions) -> Void

    init(seed: UInt64, records: Bool = false, adjust: @escaping (inout StoreOptions) -> Void = { _ in }) {
        random = SeededGenerator(seed: seed)
        self.records = records
        self.adjust = adjust
    }

    /// Runs until it is through or the disk fails.
    mutating func run(on disk: SimulatedDisk) throws {
        begun = 1
        var options = Workload.options(disk)
        adjust(&options)
        let store = try Store.open(at: Workload.path, options)
        try note(store)
        for round in 0..<4 {
            try runRound(round, store)
            store.maintain()
        }
        try store.close()
    }

    private mutating func note(_ store: Store) throws {
        acknowledged = store.snapshot().modSeq.rawValue
        if records { states[acknowledged] = try Summary(store) }
    }

    private mutating func commit(_ store: Store, _ body: (Transaction) throws -> Void) throws {
        begun = store.snapshot().modSeq.rawValue + 1
        try store.commit { tx in try body(tx) }
        try note(store)
    }

    private mutating func runRound(_ round: Int, _ store: Store) throws {
        let inbox = try store.mailbox("INBOX").id
        let folder = "folder\(round)/deep"
        try commit(store) { try $0.createMailbox(folder) }
        let other = try store.mailbox(folder).id
        for i in 0..<6 {
            try commit(store) { tx in
                try tx.append(
                    Workload.small[round * 6 + i], to: inbox, flags: Flags(.seen, keywords: ["k\(i % 3)"]),
                    internalDate: noon)
            }
        }
        // One segment takes three of these.
        try commit(store) { try $0.append(Workload.large, to: other, internalDate: noon) }
        // Rows enough for a few leaves.
        for _ in 0..<(round == 1 ? 5 : 1) {
            try commit(store) { try $0.copy(UIDSet(UIDRange(.min, .max)), from: inbox, to: inbox) }
        }
        let some = UIDSet((0..<6).map { _ in UID(UInt32.random(in: 1...60, using: &random)) })
        try commit(store) { try $0.changeFlags(.add([.flagged, .deleted]), of: some, in: inbox) }
        try commit(store) { tx in
            try tx.expunge(UIDSet(UIDRange(.min, .max)), in: inbox)
            try tx.subscribe(folder)
        }
        if round % 2 == 0 { try store.checkpoint() }
        try commit(store) { tx in
            try tx.move(UIDSet(UIDRange(10, 14)), from: inbox, to: other)
            try tx.append(Workload.small[round], to: other, internalDate: noon)
        }
        try commit(store) { try $0.renameMailbox(try $0.mailbox(named: "folder\(round)")!.id, to: "renamed\(round)") }
        if round == 2 { try commit(store) { try $0.deleteMailbox(other) } }
        try commit(store) {
            try $0.changeFlags(.replace(Flags(.answered, keywords: ["K0", "new\(round)"])), of: some, in: inbox)
        }
    }
}
