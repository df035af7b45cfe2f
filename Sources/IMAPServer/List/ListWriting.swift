import IMAPCodec
import MailModel
import NIOCore
import Varve

extension ListQuery {
    /// Whether the state of mailboxes has to be looked up.
    var needsStatus: Bool { status != nil || returns.contains(.specialUse) }

    /// Whether a name meets the selection criteria.
    func selects(_ entry: ListEntry) -> Bool {
        if criteria.contains(.subscribed), !entry.isSubscribed { return false }
        if criteria.contains(.specialUse), entry.specialUse.isEmpty { return false }
        // A name that is no mailbox', without which a client that asks level by level would never find what is below it
        // (RFC 5258 §3.5).
        if criteria.isEmpty, entry.mailbox == nil { return entry.hasInferiors }
        return true
    }

    /// `* LIST (attributes) "/" name`, with CHILDINFO where RFC 5258 §3.5 wants it.
    func write(_ name: UnsafeRawBufferPointer, _ entry: ListEntry, to out: inout ByteBuffer) {
        if form == .lsub {
            // RFC 3501 §6.3.9: \Noselect says that it is not the name that is subscribed to, but one below it.
            out.writeStaticString(entry.isSelected ? "* LSUB () \"/\" " : "* LSUB (\\Noselect) \"/\" ")
        } else {
            out.writeStaticString("* LIST (")
            writeAttributes(of: entry, to: &out)
            out.writeStaticString(") \"/\" ")
        }
        out.writeMailboxName(utf8: name)
        if form != .lsub, entry.hasSelectedInferior { writeChildInfo(to: &out) }
        out.writeStaticString("\r\n")
    }

    /// What stands before the name, for an entry without a use, as most are; nil for others.
    func plainHead(of entry: ListEntry) -> [UInt8]? {
        guard form != .lsub, !entry.hasSelectedInferior, !returns.contains(.specialUse) || entry.specialUse.isEmpty else {
            return nil
        }
        return heads[(entry.mailbox == nil ? 1 : 0) | (entry.isSubscribed ? 2 : 0) | (entry.hasInferiors ? 4 : 0)]
    }

    /// `* LIST (…) "/" ` for whether it is no mailbox, is subscribed to, has inferiors.
    func makeHeads() -> [[UInt8]] {
        (0..<8).map { bits in
            var entry = ListEntry(mailbox: bits & 1 == 0 ? MailboxID(1) : nil, isSubscribed: bits & 2 != 0, isMatch: true)
            entry.hasInferiors = bits & 4 != 0
            var out = ByteBuffer()
            out.writeStaticString("* LIST (")
            writeAttributes(of: entry, to: &out)
            out.writeStaticString(") \"/\" ")
            return Array(buffer: out)
        }
    }

    private func writeAttributes(of entry: ListEntry, to out: inout ByteBuffer) {
        var isFirst = true
        func add(_ attribute: String) {
            if !isFirst { out.writeStaticString(" ") }
            isFirst = false
            out.writeString(attribute)
        }
        if entry.mailbox == nil { add(form == .list ? "\\Noselect" : "\\NonExistent") }
        if entry.isSubscribed { add("\\Subscribed") }
        if entry.hasInferiors {
            add("\\HasChildren")
        } else if returns.contains(.children) {
            add("\\HasNoChildren")
        }
        if returns.contains(.specialUse), !entry.specialUse.isEmpty {
            for (use, name) in SpecialUse.names where entry.specialUse.contains(use) { add(name) }
        }
    }

    private func writeChildInfo(to out: inout ByteBuffer) {
        out.writeStaticString(" (\"CHILDINFO\" (")
        if criteria.contains(.subscribed) { out.writeStaticString("\"SUBSCRIBED\"") }
        if criteria == [.subscribed, .specialUse] { out.writeStaticString(" ") }
        if criteria.contains(.specialUse) { out.writeStaticString("\"SPECIAL-USE\"") }
        out.writeStaticString("))")
    }
}
