/// A node of the tree of parts.
public struct PartReader {
    public enum Kind: UInt8, Sendable {
        /// Anything that is none of the others.
        case basic = 1
        /// `text/*`: has `lines`.
        case text = 2
        /// `message/rfc822` that could be opened: has `lines`, `envelope` and one child.
        case message = 3
        /// `multipart/*`: has one child or more.
        case multipart = 4
    }

    let base: UnsafeRawPointer
    let index: Int

    public var kind: Kind { Kind(rawValue: UInt8(truncatingIfNeeded: rawKind)) ?? .basic }

    /// `TEXT`, `MULTIPART`, … as the message spells it; what the message leaves out has its default (RFC 2045 §5.2). A
    /// `multipart` or `message/rfc822` that could not be opened is `application/octet-stream`: as such a structure of
    /// either would not be valid.
    public var type: UnsafeRawBufferPointer { vital(0) }
    public var subtype: UnsafeRawBufferPointer { vital(1) }
    /// Content-Transfer-Encoding; `7BIT` where the message says none.
    public var encoding: UnsafeRawBufferPointer { vital(2) }
    /// Content-Type's parameters; continuations and charsets of RFC 2231 are joined and decoded to UTF-8. One whose charset
    /// is not known is joined, and keeps its star and its coded value.
    public var parameters: ParameterListReader { list(after: 3, 0, 0) }
    /// Content-ID.
    public var id: UnsafeRawBufferPointer? { string(after: 3, 1, 0) }
    /// Content-Description.
    public var description: UnsafeRawBufferPointer? { string(after: 3, 1, 1) }
    /// Content-MD5.
    public var md5: UnsafeRawBufferPointer? { string(after: 3, 1, 2) }
    /// Content-Disposition's type; nil if there is no such field.
    public var disposition: UnsafeRawBufferPointer? { string(after: 3, 1, 3) }
    /// Content-Disposition's parameters, as those of Content-Type.
    public var dispositionParameters: ParameterListReader { list(after: 3, 1, 4) }
    /// Content-Language's tags.
    public var languages: StringListReader {
        var cursor = strings(after: 3, 1, 4)
        cursor.passList()
        return StringListReader(items: cursor.list())
    }
    /// Content-Location.
    public var location: UnsafeRawBufferPointer? {
        var cursor = cursorBehindLists
        return cursor.string()
    }

    /// Lines of the body, for `.text` and `.message`: its line ends, and one more if bytes follow the last of them.
    public var lines: Int { record(SummaryLayout.lines) }

    /// Bytes in the message: the part's own MIME header with the empty line that ends it. For the root, the message's
    /// header.
    public var header: Range<Int> { start..<bodyStart }
    /// Bytes in the message: the part's body, in its transfer encoding. For `.message` it is the whole enclosed message.
    public var body: Range<Int> { bodyStart..<end }

    public var childCount: Int { base.summary16(recordOffset + SummaryLayout.childCount) }
    /// - Precondition: `0 ..< childCount`. For `.message` the one child is the enclosed message's body, whose `header` is
    ///   the enclosed message's header.
    public func child(_ index: Int) -> PartReader {
        precondition(0..<childCount ~= index, "a part has no child of this number")
        return PartReader(base: base, index: firstChild + index)
    }

    /// Of the enclosed message, for `.message`.
    public var envelope: EnvelopeReader? {
        guard kind == .message else { return nil }
        var cursor = cursorBehindLists
        cursor.passStrings(1)
        return EnvelopeReader(start: cursor.at)
    }

    // MARK: The record

    private var recordOffset: Int { SummaryLayout.headSize + SummaryLayout.partSize * index }
    private func record(_ field: Int) -> Int { base.summary32(recordOffset + field) }

    var start: Int { record(SummaryLayout.start) }
    var bodyStart: Int { record(SummaryLayout.bodyStart) }
    var end: Int { record(SummaryLayout.end) }
    var stringsOffset: Int { record(SummaryLayout.strings) }
    var firstChild: Int { base.summary16(recordOffset + SummaryLayout.firstChild) }
    private var rawKind: Int { record(SummaryLayout.kind) }

    /// Whether kind, number of children and number of lines go together.
    var hasValidShape: Bool {
        guard let kind = UInt8(exactly: rawKind).flatMap(Kind.init(rawValue:)) else { return false }
        switch kind {
        case .basic: return childCount == 0 && lines == 0
        case .text: return childCount == 0 && lines <= end - bodyStart
        case .message: return childCount == 1 && lines <= end - bodyStart
        case .multipart: return childCount >= 1 && lines == 0
        }
    }

    // MARK: The strings

    /// Behind so many strings, then lists, then strings.
    private func strings(after first: Int, _ lists: Int, _ second: Int) -> SummaryCursor {
        var cursor = SummaryCursor(at: base + stringsOffset)
        cursor.passStrings(first)
        for _ in 0..<lists { cursor.passList() }
        cursor.passStrings(second)
        return cursor
    }

    private var cursorBehindLists: SummaryCursor {
        var cursor = strings(after: 3, 1, 4)
        cursor.passList()
        cursor.passList()
        return cursor
    }

    private func vital(_ index: Int) -> UnsafeRawBufferPointer {
        string(after: index, 0, 0) ?? UnsafeRawBufferPointer(start: base, count: 0)
    }

    private func string(after first: Int, _ lists: Int, _ second: Int) -> UnsafeRawBufferPointer? {
        var cursor = strings(after: first, lists, second)
        return cursor.string()
    }

    private func list(after first: Int, _ lists: Int, _ second: Int) -> ParameterListReader {
        var cursor = strings(after: first, lists, second)
        return ParameterListReader(items: cursor.list())
    }
}

public struct ParameterListReader: Sequence {
    let items: UnsafeRawBufferPointer

    public var isEmpty: Bool { items.isEmpty }

    public struct Iterator: IteratorProtocol {
        var cursor: SummaryCursor
        let end: UnsafeRawPointer

        public mutating func next() -> (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)? {
            guard cursor.at < end, let name = cursor.string(), let value = cursor.string() else { return nil }
            return (name, value)
        }
    }

    public func makeIterator() -> Iterator {
        Iterator(cursor: SummaryCursor(at: items.baseAddress!), end: items.baseAddress! + items.count)
    }
}

public struct StringListReader: Sequence {
    let items: UnsafeRawBufferPointer

    public var isEmpty: Bool { items.isEmpty }

    public struct Iterator: IteratorProtocol {
        var cursor: SummaryCursor
        let end: UnsafeRawPointer

        public mutating func next() -> UnsafeRawBufferPointer? {
            guard cursor.at < end else { return nil }
            return cursor.string()
        }
    }

    public func makeIterator() -> Iterator {
        Iterator(cursor: SummaryCursor(at: items.baseAddress!), end: items.baseAddress! + items.count)
    }
}
