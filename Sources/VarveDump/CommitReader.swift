import VarveFormat

/// Reads a commit's records one after the other, holding one at a time.
typealias CommitReader = RecordReader<Record>
/// The same for a frame of a base.
typealias BaseRecordReader = RecordReader<BaseRecord>

protocol DecodableRecord {
    static func decode(_ reader: inout ByteReader) throws(FormatError) -> Self?
}

extension Record: DecodableRecord {}
extension BaseRecord: DecodableRecord {}

struct RecordReader<Element: DecodableRecord> {
    enum Next {
        case record(Element)
        /// Of a kind that this program does not know and may pass over.
        case unknown(kind: UInt16, length: Int)
        case malformed(FormatError)
        case end
    }

    let header: CommitHeader
    /// The records are sealed, and not read.
    let sealed: SealedRecords?
    private let window: Window
    private var at: Int
    private let end: Int
    private var left: UInt32

    /// A record beyond this is no record: the engine writes no commit as long.
    private static var maximumRecordLength: Int { 256 << 20 }

    /// - Parameter frame: valid, as a scanner gives it.
    init(_ frame: FrameHeader, _ window: Window) throws(DumpError) {
        let start = Int(frame.position.offset) + FrameHeader.size
        self.window = window
        end = start + Int(frame.length)
        let bytes = try window.bytes(at: start, min(Int(frame.length), SealedRecords.recordsOffset))
        guard let bytes, let header = try? CommitHeader(bytes) else {
            throw DumpError("a frame of \(frame.length) bytes, in which no commit head is")
        }
        self.header = header
        if header.isSealed {
            guard let sealed = SealedRecords(bytes, payloadLength: Int(frame.length)) else {
                throw DumpError("a commit frame of \(frame.length) bytes, whose records are sealed")
            }
            self.sealed = sealed
        } else {
            sealed = nil
        }
        at = start + CommitHeader.size
        left = header.isSealed ? 0 : header.records
    }

    mutating func next() throws(DumpError) -> Next {
        guard left > 0 else { return .end }
        left -= 1
        guard end - at >= Record.headerSize, let head = try window.bytes(at: at, Record.headerSize) else {
            return stop("a record is cut off")
        }
        let kind = head.baseAddress!.load16(0)
        let length = Int(head.baseAddress!.load32(4))
        guard length <= end - at - Record.headerSize, length <= Self.maximumRecordLength,
            let bytes = try window.bytes(at: at, Record.headerSize + length)
        else { return stop("a record of \(length) bytes is cut off") }
        at += Record.headerSize + length
        do throws(FormatError) {
            var reader = ByteReader(bytes)
            guard let record = try Element.decode(&reader) else { return .unknown(kind: kind, length: length) }
            return .record(record)
        } catch {
            // Its length holds, so the next one can be found.
            return .malformed(error)
        }
    }

    private mutating func stop(_ what: String) -> Next {
        left = 0
        return .malformed(.invalid(what))
    }
}
