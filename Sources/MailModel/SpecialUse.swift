/// What a mailbox is for (RFC 6154 §2, RFC 8457 §3): clients find the one for sent mail by it, whatever its name. A mailbox
/// may have several uses, and several mailboxes the same one.
public struct SpecialUse: OptionSet, Hashable, Sendable {
    public let rawValue: UInt16
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    // The bits are those of the format (`Formats/records.md`), and frozen.
    public static let all = SpecialUse(rawValue: 1 << 0)
    public static let archive = SpecialUse(rawValue: 1 << 1)
    public static let drafts = SpecialUse(rawValue: 1 << 2)
    public static let flagged = SpecialUse(rawValue: 1 << 3)
    public static let junk = SpecialUse(rawValue: 1 << 4)
    public static let sent = SpecialUse(rawValue: 1 << 5)
    public static let trash = SpecialUse(rawValue: 1 << 6)
    public static let important = SpecialUse(rawValue: 1 << 7)

    /// Every use that there is. Not `all`, which is one of them: the mailbox that shows all messages.
    public static let every = SpecialUse(rawValue: 0xff)

    /// Each use with its attribute as IMAP writes it, in the order of the bits.
    public static let names: [(use: SpecialUse, name: String)] = [
        (.all, "\\All"), (.archive, "\\Archive"), (.drafts, "\\Drafts"), (.flagged, "\\Flagged"), (.junk, "\\Junk"),
        (.sent, "\\Sent"), (.trash, "\\Trash"), (.important, "\\Important"),
    ]
}
