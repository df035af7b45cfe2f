#if Rivals
    import MailMessage
    import MailModel

    /// A message made ready outside of the writer's lock: its summary is the one that Varve keeps, too.
    struct RivalMessage: Sendable {
        let summary: [UInt8]
        let body: [UInt8]
        let flags: SystemFlags

        init(_ body: [UInt8], flags: SystemFlags = []) {
            summary = body.withUnsafeBytes { MessageSummary(parsing: $0).encode() }
            self.body = body
            self.flags = flags
        }

        /// Summary, body, and before them the summary's length.
        var storedCount: Int { 4 + summary.count + body.count }

        /// - Parameter target: `storedCount` bytes.
        func store(into target: UnsafeMutableRawPointer) {
            target.storeBytes(of: UInt32(summary.count), as: UInt32.self)
            summary.withUnsafeBytes { (target + 4).copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
            body.withUnsafeBytes { (target + 4 + summary.count).copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        }

        /// Where the body lies in what was stored.
        static func body(in stored: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(rebasing: stored[(4 + Int(stored.loadUnaligned(as: UInt32.self)))...])
        }
    }

    /// A mailbox in a key-value store: its value as it stands in memory.
    struct MailboxRow: BitwiseCopyable {
        var highestModSeq: UInt64 = 1
        var bytes: UInt64 = 0
        var id: UInt32
        var uidValidity: UInt32 = 1
        var uidNext: UInt32 = 1
        var messages: UInt32 = 0
        var unseen: UInt32 = 0
        var deleted: UInt32 = 0

        var numbers: MailboxNumbers {
            MailboxNumbers(messages: messages, unseen: unseen, uidNext: uidNext, highestModSeq: highestModSeq)
        }

        mutating func add(_ row: MessageRow) {
            messages += 1
            bytes += UInt64(row.size)
            count(row.flags, 1)
        }

        mutating func remove(_ row: MessageRow) {
            messages -= 1
            bytes -= UInt64(row.size)
            count(row.flags, -1)
        }

        mutating func replace(_ old: UInt16, by new: UInt16, times: Int = 1) {
            count(old, -Int32(times))
            count(new, Int32(times))
        }

        private mutating func count(_ flags: UInt16, _ step: Int32) {
            if flags & SystemFlags.seen.rawValue == 0 { unseen = UInt32(Int32(unseen) + step) }
            if flags & SystemFlags.deleted.rawValue != 0 { deleted = UInt32(Int32(deleted) + step) }
        }
    }

    /// A message in a key-value store: its value as it stands in memory.
    struct MessageRow: BitwiseCopyable {
        var modSeq: UInt64
        /// Names the body.
        var body: UInt64
        var seconds: Int64 = 1_795_600_000
        var size: UInt32
        var flags: UInt16
        var zoneMinutes: Int16 = 60
    }

    /// A value of a store that is kept as it stands in memory.
    protocol StoredRow: BitwiseCopyable {}
    extension MailboxRow: StoredRow {}
    extension MessageRow: StoredRow {}

    extension StoredRow {
        /// Nothing if the value has another size.
        init?(stored bytes: UnsafeRawBufferPointer) {
            guard bytes.count == MemoryLayout<Self>.size else { return nil }
            self = bytes.loadUnaligned(as: Self.self)
        }
    }
#endif
