/// A segment that must be there, in the tree `segments`: the key is its number in four bytes, the highest first.
/// `Formats/index.md`.
public struct SegmentCell: Hashable, Sendable {
    public static let valueSize = 16

    public var number: UInt32
    /// Where its frames end; 0 as long as no commit stands in a later one.
    public var end: UInt32

    public init(number: UInt32, end: UInt32) {
        self.number = number
        self.end = end
    }

    public var key: [UInt8] { MailboxRow.key(number) }

    public var value: [UInt8] {
        var value: [UInt8] = []
        value.reserveCapacity(SegmentCell.valueSize)
        value.append32(end)
        value.append32(0)
        value.append64(0)
        return value
    }

    public init(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) throws(FormatError) {
        guard key.count == 4, value.count >= SegmentCell.valueSize, let p = value.baseAddress else {
            throw .invalid("a segment's cell of \(key.count) and \(value.count) bytes")
        }
        number = UInt32(key[0]) << 24 | UInt32(key[1]) << 16 | UInt32(key[2]) << 8 | UInt32(key[3])
        end = p.load32(0)
        guard number > 0 else { throw .invalid("a segment 0") }
    }
}
