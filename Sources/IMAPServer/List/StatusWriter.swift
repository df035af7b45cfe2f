import IMAPCodec
import MailModel
import NIOCore
import Varve

/// Writes `* STATUS name (…)` (RFC 3501 §7.2.4) with the items that a client asked for.
struct StatusWriter {
    private let items: [(item: StatusItem, name: [UInt8])]
    private let appendLimit: Int
    /// Nothing but the mailbox' state is asked for, so that `put` can write it.
    let isPlain: Bool

    /// - Parameter appendLimit: bytes of the longest message that APPEND takes (RFC 7889 §3.1).
    init(_ items: [StatusItem], appendLimit: Int) {
        self.items = items.enumerated().map { ($1, Array("\($0 == 0 ? " (" : " ")\($1.rawValue) ".utf8)) }
        self.appendLimit = appendLimit
        isPlain = !items.contains(.recent)
    }

    /// - Throws: before anything is written.
    func write(
        _ status: MailboxStatus, name: UnsafeRawBufferPointer, _ snapshot: Snapshot, to out: inout ByteBuffer
    ) throws(StoreError) {
        let recent = items.contains { $0.item == .recent } ? try unclaimedCount(status, snapshot) : 0
        out.writeStaticString("* STATUS ")
        out.writeMailboxName(utf8: name)
        for (item, name) in items {
            out.writeBytes(name)
            switch item {
            case .messages: out.writeDecimal(status.messages)
            case .uidNext: out.writeDecimal(status.uidNext.rawValue)
            case .uidValidity: out.writeDecimal(status.uidValidity.rawValue)
            case .unseen: out.writeDecimal(status.unseen)
            case .recent: out.writeDecimal(recent)
            case .highestModSeq:
                // RFC 7162 §3.1.7: 0 where mod-sequences are not kept.
                out.writeDecimal(status.syncMode == .noModSeq ? 0 : status.highestModSeq.rawValue)
            case .size: out.writeDecimal(status.bytes)
            case .deleted: out.writeDecimal(status.deleted)
            case .mailboxID: out.writeString("(\(status.uidValidity.objectID))")
            case .appendLimit: out.writeDecimal(appendLimit)
            }
        }
        out.writeStaticString(")\r\n")
    }

    /// Bytes of a line that `put` puts, at most, without the name.
    var capacity: Int { items.reduce(16) { $0 + $1.name.count + 24 } }

    /// As `write`, for a name whose form is known.
    /// - Precondition: `isPlain`.
    func put(
        _ status: MailboxStatus, name: UnsafeRawBufferPointer, as form: PlainName, to line: inout ResponseLine
    ) {
        line.put("* STATUS ")
        line.put(name, as: form)
        for (item, name) in items {
            line.put(name)
            switch item {
            case .messages: line.put(UInt64(status.messages))
            case .uidNext: line.put(UInt64(status.uidNext.rawValue))
            case .uidValidity: line.put(UInt64(status.uidValidity.rawValue))
            case .unseen: line.put(UInt64(status.unseen))
            case .recent: preconditionFailure("it has to be counted")
            // RFC 7162 §3.1.7: 0 where mod-sequences are not kept.
            case .highestModSeq: line.put(status.syncMode == .noModSeq ? 0 : status.highestModSeq.rawValue)
            case .size: line.put(status.bytes)
            case .deleted: line.put(UInt64(status.deleted))
            case .mailboxID:
                line.put("(F")
                line.put(UInt64(status.uidValidity.rawValue))
                line.put(")")
            case .appendLimit: line.put(UInt64(appendLimit))
            }
        }
        line.put(")\r\n")
    }

    private func unclaimedCount(_ status: MailboxStatus, _ snapshot: Snapshot) throws(StoreError) -> Int {
        guard status.firstRecent < status.uidNext, let view = try snapshot.view(of: status.id) else { return 0 }
        return try view.count(in: UIDRange(status.firstRecent, UID(status.uidNext.rawValue - 1)))
    }
}

extension UIDValidity {
    /// MAILBOXID (RFC 8474 §4). No two mailboxes of an account ever have the same UIDVALIDITY, and a rename keeps it; one of an
    /// account that was restored to an earlier state gets a new one, where its id may be given again.
    var objectID: String { "F\(rawValue)" }
}
