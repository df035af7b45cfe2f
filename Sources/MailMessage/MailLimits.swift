/// What a message may have for its summary to tell of it. None of these refuses or alters a message: what is beyond a limit
/// is left out of the summary or is opaque in it, and stays in the message as it came.
public enum MailLimits {
    /// Bytes of a message; a longer one is read as if it ended there, for the offsets of a summary have 32 bits.
    public static let messageBytes = 0xffff_ffff

    /// Levels of parts below the root. A container that stands at this level is opaque. Part of the encoded form: no valid
    /// summary is deeper, so that whoever walks one may do so recursively.
    public static let nesting = 100
    /// Parts of a message; behind the last one, boundaries are text.
    public static let parts = 10_000
    /// Bytes of a boundary. RFC 2046 §5.1.1 allows 70. A multipart with a longer one is opaque.
    public static let boundaryBytes = 1_000

    /// Bytes of one header in which fields are looked for. A header may be longer.
    public static let headerBytes = 1 << 20
    /// Fields of one header that are looked at.
    public static let headerFields = 10_000
    /// Addresses of To, Cc and so on; group markers count.
    public static let addressesPerField = 10_000
    /// Parameters of a Content-Type or Content-Disposition field, before continuations are joined.
    public static let parameters = 100
    /// Tags of a Content-Language field.
    public static let languages = 100
    /// Bytes of a media type, a subtype, a parameter's name and the like (RFC 6838 §4.2). A media type that is longer is
    /// malformed.
    public static let tokenBytes = 127
    /// Bytes of any other string of a summary; what is longer is cut.
    public static let stringBytes = 16 << 10

    /// Bytes of one encoded envelope: addresses that would not fit are left out.
    public static let envelopeBytes = 256 << 10
    /// Bytes of an encoded summary: strings that are not vital are left out, and no more parts are opened, rather than
    /// that it grows beyond.
    public static let summaryBytes = 1 << 20
}
