import IMAPCodec
import NIOCore

/// Everything a client could make large or long has its limit here, or in `ParserLimits` and `Connection`.
public struct ServerLimits: Sendable {
    /// Connections at one time; one more is told BYE.
    public var maximumConnections = 20_000
    /// A client has this long to log in, from its connection's beginning.
    public var loginTimeout = TimeAmount.minutes(3)
    /// After login this long (RFC 3501 §5.4: at least 30 minutes).
    public var idleTimeout = TimeAmount.minutes(31)
    /// What was said last, BYE perhaps, a client may take so long for.
    public var closeTimeout = TimeAmount.seconds(10)
    /// A failed login is answered after this time, doubled with each one, …
    public var loginDelay = TimeAmount.milliseconds(500)
    /// … and after so many the connection ends.
    public var maximumFailedLogins = 4
    /// Commands that cannot be read, one behind the other, before the connection ends.
    public var maximumBadCommands = 20
    /// Passwords that are checked at one time: each takes 32 MiB for a moment.
    public var maximumPasswordChecks = 2
    /// Runs of UIDs that a saved search result may have, 8 bytes each (RFC 5182 §2.5: beyond, NOTSAVED).
    public var maximumSavedRanges = 16 << 10
    /// Patterns of one LIST (RFC 5258 §3).
    public var maximumListPatterns = 100
    /// When the server stops, sessions have this long to end their command.
    public var drainTimeout = TimeAmount.seconds(10)
    /// An account that nobody uses stays open for this long.
    public var accountLinger = TimeAmount.seconds(30)
    /// What a client may send before it has logged in, and afterwards.
    public var parserBeforeLogin: ParserLimits = {
        var limits = ParserLimits()
        limits.maximumLineBytes = 8 << 10
        limits.maximumLiteralBytes = 4 << 10
        limits.maximumMessageBytes = 4 << 10
        limits.maximumAppendBytes = 4 << 10
        return limits
    }()
    public var parser = ParserLimits()

    public init() {}
}
