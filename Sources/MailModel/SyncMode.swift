/// How far clients of a mailbox can synchronise by its history.
public enum SyncMode: UInt8, Hashable, Sendable, CaseIterable {
    // The numbers are those of the format (`Formats/records.md`), and frozen.

    /// Changes and expunges are known for ever, or up to the store's horizon.
    case full = 0
    /// Changes are known, expunges are forgotten as soon as all sessions have been told of them. Whoever comes later is
    /// told of every UID that is not there, which a server cuts down to what its client says that it knows
    /// (RFC 7162 §3.2.5.2, §3.2.6).
    case noExpungeLog = 1
    /// The engine knows what it does of a mailbox in `full`; an IMAP server offers nothing of it
    /// (RFC 7162 §3.1.2.2, NOMODSEQ).
    case noModSeq = 2

    /// The mode's name in configuration and output.
    public var name: String {
        switch self {
        case .full: "full"
        case .noExpungeLog: "no-expunge-log"
        case .noModSeq: "no-modseq"
        }
    }

    public init?(name: String) {
        guard let mode = SyncMode.allCases.first(where: { $0.name == name }) else { return nil }
        self = mode
    }
}
