/// A page of the index of an encrypted store as it stands in the file: the page encrypted, and a trailer behind it.
/// `Formats/encryption.md`.
public enum SealedPage {
    public static let trailerSize = 64
    /// Bytes from one page's begin to the next one's.
    public static let stride = Format.pageSize + trailerSize
    public static let sealOffset = Format.pageSize + 8
    /// Where the tag of AES-GCM stands.
    public static let tagOffset = Format.pageSize + 32

    /// Writes the trailer but for the tag, which must stand there, and sums all of it.
    /// - Parameter sealed: `stride` bytes.
    public static func finish(_ sealed: UnsafeMutableRawPointer, number: UInt32, seal: Seal, tag: UInt32) {
        let trailer = sealed + Format.pageSize
        trailer.store32(number, 4)
        seal.encode(into: trailer + 8)
        trailer.store32(tag, 48)
        trailer.store32(0, 52)
        trailer.store64(0, 56)
        trailer.store32(checksum(sealed), 0)
    }

    private static func checksum(_ sealed: UnsafeRawPointer) -> UInt32 {
        let page = crc32c(0, UnsafeRawBufferPointer(start: sealed, count: Format.pageSize))
        return crc32c(page, UnsafeRawBufferPointer(start: sealed + Format.pageSize + 4, count: trailerSize - 4))
    }

    /// Checks what can be checked without the key. - Returns: with what the page was sealed.
    public static func validate(_ sealed: UnsafeRawPointer, number: UInt32, tag: UInt32) throws(FormatError) -> Seal {
        let trailer = sealed + Format.pageSize
        guard checksum(sealed) == trailer.load32(0) else { throw FormatError(.checksum) }
        guard trailer.load32(48) == tag else { throw .invalid("a page of another store") }
        guard trailer.load32(4) == number else { throw .invalid("it says that it is page \(trailer.load32(4))") }
        return Seal(trailer + 8)
    }
}
