import MailModel

/// Reads an encoded summary where it lies; makes no copy and allocates nothing. Valid as long as the bytes are.
///
/// Every string is bytes as they stood in the message: unfolded, encoded words kept (RFC 2047), 8-bit bytes kept; even NUL
/// may occur. `nil` stands for IMAP's NIL: a field that is not there; empty is a field that is there and empty.
public struct SummaryReader {
    let base: UnsafeRawPointer

    /// - Returns: nil if the bytes are no summary: every length and offset in it was checked when it returns one. Bytes
    ///   behind the summary's end do not matter.
    /// - Complexity: O(length of the summary).
    public init?(_ encoded: UnsafeRawBufferPointer) {
        guard let base = encoded.baseAddress, SummaryReader.isValid(base, count: encoded.count) else { return nil }
        self.base = base
    }

    /// Bytes of the message's header, the empty line that ends it included.
    public var headerLength: Int { root.header.count }
    /// Bytes of the message.
    public var size: Int { base.summary32(SummaryLayout.messageSize) }

    /// The Date field as seconds since 1970-01-01T00:00:00Z with its zone; nil if there is none, or none that can be read.
    public var sentDate: InternalDate? {
        guard base.load(fromByteOffset: SummaryLayout.flags, as: UInt8.self) & SummaryLayout.hasSentDate != 0 else {
            return nil
        }
        return InternalDate(
            seconds: base.summary64(SummaryLayout.sentSeconds),
            zoneMinutes: Int16(truncatingIfNeeded: base.summary16(SummaryLayout.zone)))
    }

    public var envelope: EnvelopeReader {
        EnvelopeReader(
            start: base + SummaryLayout.headSize + SummaryLayout.partSize * base.summary16(SummaryLayout.partCount))
    }

    /// The whole message's body.
    public var root: PartReader { PartReader(base: base, index: 0) }

    /// The part with this number (RFC 3501 §6.4.5): `[]` is the message itself, `[1]` the body of a message that is not
    /// multipart. Goes through `message/rfc822` parts as the numbering does.
    public func part(_ number: [Int]) -> PartReader? {
        var part = root
        // Whether the part is a message's body, which, if it is not multipart, has the number 1 itself.
        var isMessageBody = true
        for index in number {
            if part.kind == .message, !isMessageBody {
                part = part.child(0)
                isMessageBody = true
            }
            if part.kind == .multipart {
                guard 1...part.childCount ~= index else { return nil }
                part = part.child(index - 1)
            } else {
                guard isMessageBody, index == 1 else { return nil }
            }
            isMessageBody = false
        }
        return part
    }
}

// MARK: Validity

extension SummaryReader {
    /// The conditions of `Formats/summary.md`, in its order.
    private static func isValid(_ base: UnsafeRawPointer, count: Int) -> Bool {
        guard count >= SummaryLayout.headSize, base.load(as: UInt8.self) == SummaryLayout.version else { return false }
        let partCount = base.summary16(SummaryLayout.partCount)
        let length = base.summary32(SummaryLayout.length)
        let stringsStart = SummaryLayout.headSize + SummaryLayout.partSize * partCount
        guard length <= count, length <= MailLimits.summaryBytes, partCount >= 1, stringsStart <= length else {
            return false
        }
        guard hasValidDate(base), hasValidTree(base, partCount: partCount) else { return false }
        var checker = SummaryChecker(base: base, offset: stringsStart, end: length)
        guard checker.envelope() else { return false }
        for index in 0..<partCount {
            let part = PartReader(base: base, index: index)
            guard part.stringsOffset == checker.offset, checker.partStrings() else { return false }
            if part.kind == .message, !checker.envelope() { return false }
        }
        return checker.offset == length
    }

    private static func hasValidDate(_ base: UnsafeRawPointer) -> Bool {
        let flags = base.load(fromByteOffset: SummaryLayout.flags, as: UInt8.self)
        let zone = Int16(truncatingIfNeeded: base.summary16(SummaryLayout.zone))
        let seconds = base.summary64(SummaryLayout.sentSeconds)
        guard base.summary16(SummaryLayout.zone + 2) == 0 else { return false }
        switch flags {
        case 0: return zone == 0 && seconds == 0
        case SummaryLayout.hasSentDate: return -1439...1439 ~= zone && SummaryLayout.sentRange ~= seconds
        default: return false
        }
    }

    /// Whether the records are a tree in level order whose parts lie inside each other in the message.
    private static func hasValidTree(_ base: UnsafeRawPointer, partCount: Int) -> Bool {
        let size = base.summary32(SummaryLayout.messageSize)
        let root = PartReader(base: base, index: 0)
        guard root.start == 0, root.end == size else { return false }
        var nextChild = 1
        // Where the next level begins.
        var levelEnd = 1
        var level = 0
        for index in 0..<partCount {
            if index == levelEnd {
                level += 1
                levelEnd = nextChild
            }
            let part = PartReader(base: base, index: index)
            guard index < nextChild, level <= MailLimits.nesting, part.start <= part.bodyStart, part.bodyStart <= part.end,
                part.hasValidShape
            else { return false }
            let children = part.childCount
            guard children <= partCount - nextChild, part.firstChild == (children == 0 ? 0 : nextChild) else { return false }
            var place = part.bodyStart
            for child in nextChild..<nextChild + children {
                let child = PartReader(base: base, index: child)
                guard child.start >= place, child.end <= part.end else { return false }
                place = max(child.end, place)
            }
            nextChild += children
        }
        return nextChild == partCount
    }
}
