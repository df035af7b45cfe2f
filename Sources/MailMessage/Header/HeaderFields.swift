/// The fields of a header in their order, as ranges of its bytes: nothing is copied. Lines end with LF or CRLF.
///
/// What is no field is passed over: a line without colon, an mbox file's `From ` line, a continuation of either.
/// Goes through the header once: O(its size), without allocation.
public struct HeaderFields: Sequence {
    public struct Field {
        /// Field name, without colon.
        public var name: Range<Int>
        /// What stands behind the colon, folds included, without the line's end.
        public var value: Range<Int>
        /// The whole field with its line ends.
        public var whole: Range<Int>
    }

    let header: UnsafeRawBufferPointer

    /// - Parameter header: with or without the empty line that ends it; a reader of less than that sees what is there.
    public init(_ header: UnsafeRawBufferPointer) { self.header = header }

    public struct Iterator: IteratorProtocol {
        let header: UnsafeRawBufferPointer
        var position = 0

        public mutating func next() -> Field? {
            while position < header.count, !isAtEmptyLine {
                let start = position
                let colon = HeaderFields.colon(header, at: start)
                passLine()
                while position < header.count, !isAtEmptyLine, Iterator.continues(header[position]) { passLine() }
                guard let colon else { continue }
                return Field(
                    name: start..<colon.nameEnd, value: colon.at + 1..<valueEnd(colon.at + 1), whole: start..<position)
            }
            return nil
        }

        private static func continues(_ octet: UInt8) -> Bool { octet == Octet.space || octet == Octet.tab }

        private var isAtEmptyLine: Bool {
            if header[position] == Octet.lf { return true }
            return header[position] == Octet.cr && position + 1 < header.count && header[position + 1] == Octet.lf
        }

        private mutating func passLine() { position = header.lineFeed(from: position).map { $0 + 1 } ?? header.count }

        /// The end of the field that ends at `position`, without its last line end.
        private func valueEnd(_ start: Int) -> Int {
            var end = position
            if end > start, header[end - 1] == Octet.lf {
                end -= 1
                if end > start, header[end - 1] == Octet.cr { end -= 1 }
            }
            return end
        }
    }

    public func makeIterator() -> Iterator { Iterator(header: header) }

    /// Whether a field's name is this one; ASCII case does not count.
    public func isNamed(_ field: Field, _ name: some Collection<UInt8>) -> Bool {
        guard name.count == field.name.count else { return false }
        return zip(header[field.name], name).allSatisfy { Octet.lowercased($0) == Octet.lowercased($1) }
    }

    /// The colon behind the field name at `start`, and where the name ends: white space may stand before the colon
    /// (RFC 5322 §4.5). Nil if there is no name there.
    static func colon(_ header: UnsafeRawBufferPointer, at start: Int) -> (nameEnd: Int, at: Int)? {
        var at = start
        while at < header.count, header[at] > Octet.space, header[at] != Octet.colon, header[at] != 0x7f { at += 1 }
        let nameEnd = at
        while at < header.count, header[at] == Octet.space || header[at] == Octet.tab { at += 1 }
        guard nameEnd > start, at < header.count, header[at] == Octet.colon else { return nil }
        return (nameEnd, at)
    }
}
