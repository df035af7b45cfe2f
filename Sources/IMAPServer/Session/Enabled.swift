/// What a client has switched on for the rest of its connection, with ENABLE (RFC 5161) or by a command that does so.
struct Enabled: OptionSet, Sendable {
    let rawValue: UInt8

    /// FETCH responses that it did not ask for have MODSEQ (RFC 7162 §3.1).
    static let condstore = Enabled(rawValue: 1)
    /// VANISHED stands for EXPUNGE (RFC 7162 §3.2.3).
    static let qresync = Enabled(rawValue: 2)
    /// Messages are spoken of by UID alone (RFC 9586).
    static let uidOnly = Enabled(rawValue: 4)
}
