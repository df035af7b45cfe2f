import MailModel

extension ResponseLine {
    /// Bytes of a FETCH response with one each of the items below, at most.
    public static let maximumFetchBytes = 192
    /// Bytes of one of the items below, with a space before it, at most.
    public static let maximumFetchItemBytes = 80

    /// `* 5 FETCH (`; where messages are spoken of by UID alone `* 7 UIDFETCH (` (RFC 9586 §3.3).
    public mutating func putFetch(_ number: Int, _ uid: UID, uidOnly: Bool) {
        put("* ")
        put(UInt64(uidOnly ? Int(uid.rawValue) : number))
        put(uidOnly ? " UIDFETCH (" : " FETCH (")
    }

    public mutating func putUID(_ uid: UID) {
        put("UID ")
        put(UInt64(uid.rawValue))
    }

    public mutating func putModSeq(_ modSeq: ModSeq) {
        put("MODSEQ (")
        put(modSeq.rawValue)
        put(")")
    }

    /// Of a message without keywords.
    public mutating func putFlags(_ flags: SystemFlags, recent: Bool) {
        put("FLAGS (")
        var rest = flags
        func space(_ line: inout ResponseLine, after flag: SystemFlags) {
            rest.subtract(flag)
            if !rest.isEmpty || recent { line.put(" ") }
        }
        if flags.contains(.seen) {
            put("\\Seen")
            space(&self, after: .seen)
        }
        if flags.contains(.answered) {
            put("\\Answered")
            space(&self, after: .answered)
        }
        if flags.contains(.flagged) {
            put("\\Flagged")
            space(&self, after: .flagged)
        }
        if flags.contains(.deleted) {
            put("\\Deleted")
            space(&self, after: .deleted)
        }
        if flags.contains(.draft) {
            put("\\Draft")
            space(&self, after: .draft)
        }
        if recent { put("\\Recent") }
        put(")")
    }
}
