import IMAPCodec
import MailModel
import NIOCore
import Varve

/// Writes `* STATUS name (…)` (RFC 3501 §7.2.4) with the items that a client asked for.
struct StatusWriter {
    private let items: [(item: StatusItem, name: String)]
    private let appendLimit: Int

    /// - Parameter appendLimit: bytes of the longest message that APPEND takes (RFC 7889 §3.1).
    init(_ items: [StatusItem], appendLimit: Int) {
        self.items = items.enumerated().map { ($1, "\($0 == 0 ? " (" : " ")\($1.rawValue) ") }
        self.appendLimit = appendLimit
    }

    /// - Throws: before anything is written.
    func write(
        _ status: MailboxStatus, name: UnsafeRawBufferPointer, _ snapshot: Snapshot, to out: inout ByteBuffer
    ) throws(StoreError) {
        let recent = items.contains { $0.item == .recent } ? try unclaimedCount(status, snapshot) : 0
        out.writeStaticString("* STATUS ")
        out.writeMailboxName(utf8: name)
        for (item, name) in items {
            out.writeString(name)
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
