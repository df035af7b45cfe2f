import MailMessage
import VarveFormat

/// All frames of a damaged store that check, wherever they lie. Reads alone.
///
/// Of each message it keeps 20 bytes, of each commit 24; bodies are read when they are wanted.
struct SalvageSource {
    struct Commit {
        var modSeq: UInt64
        var time: UInt64
        var place: LogPosition
    }

    struct Segment {
        var number: UInt32
        var file: any File
        var name: String
        /// nil if it is damaged.
        var header: SegmentHeader?
    }

    let store: StoreUUID
    /// Opens what is sealed; nil in a store that is not encrypted.
    let cipher: StoreCipher?
    /// Ascending in number; files are told by what their headers say, then by their names.
    private(set) var segments: [Segment] = []
    /// Ascending in modseq and in place.
    private(set) var commits: [Commit] = []
    /// Places of the messages, ascending, and the sizes of what they hold.
    private(set) var locations: [UInt64] = []
    private(set) var sizes: [UInt32] = []
    private(set) var lostBytes: [RepairReport.LostBytes] = []
    /// The newest base that holds: what its commits did is in it, and segments below it may have been given up.
    private(set) var base: BaseFile?
    /// Where bodies were copied to, by where they had been.
    private var moves: [UInt64: UInt64] = [:]
    /// The highest modseq of which anything in the store tells.
    private(set) var highestModSeq: UInt64 = 0
    /// The log went on behind the last frame that was found.
    private(set) var isEndLost = false
    private let dictionaries: SegmentDictionaries
    private let durable: LogPosition?
    private var lastEnd = LogPosition.start
    private var lastGap: LogPosition?

    init(
        _ path: String, _ options: StoreOptions, _ block: Superblock?, progress: (Int, Int) -> Void
    ) throws(StoreError) {
        let files = options.fileSystem
        var found: [(name: String, number: UInt32, file: any File, header: SegmentHeader?)] = []
        var votes: [StoreUUID: Int] = [:]
        if let block { votes[block.store] = 1 }
        for number in try files.list("\(path)/\(FileNames.segments)").compactMap(FileNames.segmentNumber).sorted() {
            let name = FileNames.segment(number)
            let file = try files.open("\(path)/\(name)", create: false, writable: false)
            let header = try SalvageSource.header(file)
            if let header { votes[header.store, default: 0] += 1 }
            found.append((name, number, file, header))
        }
        let first = found.lazy.compactMap(\.header).first?.store
        guard let store = votes.max(by: { a, b in
            a.value != b.value ? a.value < b.value : b.key == first && a.key != first
        })?.key else {
            throw .corrupt("\(path)/\(FileNames.segments)", "neither a segment nor the superblock says which store this is")
        }
        self.store = store
        durable = block.flatMap { $0.store == store ? $0.logPosition : nil }
        var claimed: [UInt32: Segment] = [:]
        for file in found {
            guard let header = file.header else { continue }
            guard header.store == store else {
                lostBytes.append(.init(file: file.name, offset: 0, count: nil, text: "it is of store \(header.store)"))
                continue
            }
            if claimed[header.number] == nil || file.number == header.number {
                claimed[header.number] = Segment(number: header.number, file: file.file, name: file.name, header: header)
            }
        }
        for file in found where file.header == nil && claimed[file.number] == nil {
            claimed[file.number] = Segment(number: file.number, file: file.file, name: file.name, header: nil)
        }
        let sealed = claimed.values.compactMap(\.header).first(where: \.isEncrypted)
        cipher = try sealed.flatMap { header throws(StoreError) in try Recovery(path, options).openCipher(header) }
        segments = claimed.values.sorted { $0.number < $1.number }
        let segmentFiles = segments.map { segment in
            SegmentFile(number: segment.number, path: segment.name, fileSystem: files, file: segment.file)
        }
        dictionaries = SegmentDictionaries(tag: store.tag) { segmentFiles }
        let names = try files.list("\(path)/\(FileNames.segments)")
        for number in names.compactMap(FileNames.baseNumber).sorted(by: >) where base == nil {
            if let found = try? BaseFile(number, in: path, files), found.header.store == store, try found.isWhole() {
                base = found
                highestModSeq = found.header.modSeq
            }
        }
        if let block, block.store == store { highestModSeq = max(highestModSeq, block.modSeq) }
        try scan(progress)
    }

    private static func header(_ file: any File) throws(StoreError) -> SegmentHeader? {
        let block = ByteBlock(capacity: SegmentHeader.size)
        let count = try file.read(at: 0, into: block.bytes)
        do throws(FormatError) {
            return try SegmentHeader(UnsafeRawBufferPointer(rebasing: block.bytes[..<count]))
        } catch {
            if case .unsupportedVersion = error.reason { throw .corrupt(FileNames.segments, error) }
            return nil
        }
    }

    // MARK: Reading

    /// Which of the messages has lain at a place: where it was copied to last, if that frame is there.
    func index(of location: LogPosition) -> Int? {
        var found = self.index(at: location)
        var place = location.rawValue
        // Each copy stands behind the one before; a log that says otherwise is followed for so long only.
        for _ in 0..<100 {
            guard let next = moves[place], next > place else { break }
            place = next
            found = self.index(at: LogPosition(rawValue: place)) ?? found
        }
        return found
    }

    private func index(at location: LogPosition) -> Int? {
        var low = 0
        var high = locations.count
        while low < high {
            let middle = (low + high) / 2
            if locations[middle] < location.rawValue { low = middle + 1 } else { high = middle }
        }
        return low < locations.count && locations[low] == location.rawValue ? low : nil
    }

    /// The payload of a frame that has been found to check, with its fill.
    func payload(at place: LogPosition) throws(StoreError) -> (block: ByteBlock, length: Int) {
        let frame = try frame(at: place)
        return (frame.payload, frame.length)
    }

    /// The frame of a message that has been found to check.
    /// - Returns: nil if it is compressed with a dictionary, which it would have to be taken along with.
    func message(_ index: Int) throws(StoreError) -> (kind: FrameKind, payload: ByteBlock, length: Int)? {
        let place = LogPosition(rawValue: locations[index])
        let frame = try frame(at: place)
        guard let kind = FrameKind(rawValue: frame.kind), kind.isMessage else {
            throw .corrupt("\(FileNames.segment(place.segment)), offset \(place.offset)", "no message frame any more")
        }
        if kind == .smallMessage {
            let head = try? SmallMessageHead(UnsafeRawBufferPointer(rebasing: frame.payload.bytes[..<frame.length]))
            if head?.dictionary != 0 { return nil }
        }
        return (kind, frame.payload, frame.length)
    }

    private func frame(at place: LogPosition) throws(StoreError) -> (kind: UInt8, payload: ByteBlock, length: Int) {
        guard let segment = segments.first(where: { $0.number == place.segment }) else {
            throw .corrupt(FileNames.segment(place.segment), "the segment is missing")
        }
        let head = ByteBlock(capacity: FrameHeader.size)
        guard try segment.file.read(at: Int(place.offset), into: head.bytes) == FrameHeader.size,
            let header = FrameHeader(
                UnsafeRawPointer(head.bytes.baseAddress!), at: place, tag: store.tag,
                limit: Int(UInt32.max) - Int(place.offset))
        else { throw .corrupt("\(segment.name), offset \(place.offset)", "no valid frame any more") }
        let block = ByteBlock(capacity: header.frameLength - FrameHeader.size)
        guard try segment.file.read(at: Int(place.offset) + FrameHeader.size, into: block.bytes) == block.bytes.count else {
            throw .corrupt("\(segment.name), offset \(place.offset)", "the segment ends within a frame")
        }
        return (header.kind, block, Int(header.length))
    }

    /// A message that has been found to check.
    func body(_ index: Int) throws(StoreError) -> MessageBody {
        let place = LogPosition(rawValue: locations[index])
        guard let segment = segments.first(where: { $0.number == place.segment }) else {
            throw .corrupt(FileNames.segment(place.segment), "the segment is missing")
        }
        return try MessageBody(
            place, size: Int(sizes[index]), tag: store.tag, file: segment.file, cipher, dictionaries)
    }

    // MARK: The scan

    private mutating func scan(_ progress: (Int, Int) -> Void) throws(StoreError) {
        var total = 0
        for segment in segments { total += try segment.file.size() }
        var done = 0
        var expected = base?.header.number ?? 1
        for (i, segment) in segments.enumerated() {
            if segment.number > expected { loseSegments(expected...(segment.number - 1)) }
            expected = max(expected, segment.number &+ 1)
            if let header = segment.header, header.firstModSeq > 0 {
                highestModSeq = max(highestModSeq, header.firstModSeq - 1)
            } else {
                lostBytes.append(
                    .init(file: segment.name, offset: 0, count: SegmentHeader.size, text: "the segment's header"))
            }
            let next = i + 1 < segments.count && segments[i + 1].number == segment.number &+ 1 ? segments[i + 1].header : nil
            try scan(segment, end: next.map { Int($0.previousEnd) }, isLast: i == segments.count - 1)
            done += try segment.file.size()
            progress(done, total)
        }
        if let durable, durable.segment >= expected { loseSegments(expected...durable.segment) }
        // What was lost between two commits shows in their modseqs; behind the last one, nothing tells how much it was.
        if let durable, durable > lastEnd { isEndLost = true }
        if let lastGap, lastGap > commits.last?.place ?? .start { isEndLost = true }
    }

    private mutating func loseSegments(_ numbers: ClosedRange<UInt32>) {
        let others = numbers.count > 1 ? ", and those up to \(numbers.upperBound)" : ""
        lostBytes.append(
            .init(
                file: FileNames.segment(numbers.lowerBound), offset: 0, count: nil, text: "the segment is missing" + others))
    }

    private mutating func scan(_ segment: Segment, end: Int?, isLast: Bool) throws(StoreError) {
        let size = min(try segment.file.size(), LogFiles.largestSegment)
        var reader = LogReader(
            file: segment.file, segment: segment.number, tag: store.tag, from: SegmentHeader.size,
            limit: min(end ?? size, size))
        var budget = 4 * size + (1 << 20)
        var isTorn = false
        if let end, end > size {
            lostBytes.append(.init(file: segment.name, offset: size, count: end - size, text: "the file ends before them"))
        }
        while true {
            let place = reader.position
            if case .frame(let frame) = try reader.next() {
                if frame.header.kind == FrameKind.footer.rawValue {
                    take(footer: frame)
                    if isLast { isEndLost = true }
                    return
                }
                try take(frame, place, segment, isTorn: isTorn)
                if !isTorn { lastEnd = reader.position }
                continue
            }
            guard reader.offset < reader.limit else { return }
            if isLast || end == nil, try reader.firstNonZero() == nil, (durable ?? .start) <= reader.position || !isLast {
                return
            }
            if isLast, !isTorn, (durable ?? .start) <= place, try reader.frameProvingDamage() == nil {
                isTorn = true
            } else if !isTorn {
                lastGap = place
            }
            let next = try reader.nextFrame(budget: &budget)
            let to = next ?? reader.limit
            let what = isTorn ? "what a crash left of commits that were never acknowledged" : "no valid frame"
            lostBytes.append(
                .init(file: segment.name, offset: Int(place.offset), count: to - Int(place.offset), text: what))
            guard next != nil else { return }
            reader.skip(to: to)
        }
    }

    private mutating func noteMoves(_ payload: UnsafeRawBufferPointer, _ head: CommitHeader) throws(StoreError) {
        let records = try Replay.records(of: payload, head, cipher)
        defer { withExtendedLifetime(records.block) {} }
        var reader = ByteReader(records.bytes)
        for _ in 0..<head.records {
            guard let record = try? Record.decode(&reader) else { continue }
            if case .relocate(let move) = record { moves[move.from.rawValue] = move.to.rawValue }
        }
    }

    private mutating func take(footer frame: LogReader.Frame) {
        let payload = UnsafeRawBufferPointer(rebasing: frame.payload!.bytes[..<Int(frame.header.length)])
        if let footer = try? SegmentFooter(payload), footer.lastModSeq <= UInt64(Int64.max) {
            highestModSeq = max(highestModSeq, footer.lastModSeq)
        }
    }

    private mutating func take(
        _ frame: LogReader.Frame, _ place: LogPosition, _ segment: Segment, isTorn: Bool
    ) throws(StoreError) {
        switch FrameKind(rawValue: frame.header.kind) {
        case .message, .smallMessage:
            do throws(StoreError) {
                let size = try MessageBody.verifiedSize(place, tag: store.tag, file: segment.file, cipher, dictionaries)
                locations.append(place.rawValue)
                sizes.append(size)
            } catch {
                guard error.kind == .corrupt else { throw error }
                lostBytes.append(
                    .init(
                        file: segment.name, offset: Int(place.offset), count: frame.header.frameLength,
                        text: "a message that does not hold: \(error.message)"))
            }
        case .commit where !isTorn:
            let payload = UnsafeRawBufferPointer(rebasing: frame.payload!.bytes[..<Int(frame.header.length)])
            guard let head = try? CommitHeader(payload), head.modSeq > commits.last?.modSeq ?? 0 || place.segment < base?.header.number ?? 1,
                head.modSeq <= UInt64(Int64.max), StoreCheck.problem(ofRecordsIn: payload, head, cipher) == nil
            else {
                lostBytes.append(
                    .init(
                        file: segment.name, offset: Int(place.offset), count: frame.header.frameLength,
                        text: "a commit that cannot be understood"))
                return
            }
            try noteMoves(payload, head)
            // What those did is in the base.
            guard place.segment >= base?.header.number ?? 1 else { return }
            commits.append(Commit(modSeq: head.modSeq, time: head.time, place: place))
            highestModSeq = max(highestModSeq, head.modSeq)
        case .commit, .footer, .base, .dictionary, nil: break
        }
    }
}

extension MessageBody {
    /// Reads a message wholly, so that all its checksums are verified and all of it inflates.
    /// - Returns: how many bytes it has.
    /// - Throws: `.corrupt`; `.io`.
    static func verifiedSize(
        _ place: LogPosition, tag: UInt32, file: any File, _ cipher: StoreCipher?, _ dictionaries: SegmentDictionaries
    ) throws(StoreError) -> UInt32 {
        let body = try MessageBody(place, size: nil, tag: tag, file: file, cipher, dictionaries)
        let piece = ByteBlock(capacity: min(max(body.size, 1), MessageBody.pieceSize))
        var done = 0
        while done < body.size {
            let count = min(MessageBody.pieceSize, body.size - done)
            try body.read(done..<(done + count), into: UnsafeMutableRawBufferPointer(rebasing: piece.bytes[..<count]))
            done += count
        }
        guard try body.withSummary({ SummaryReader($0) != nil }) else { throw StoreError(.corrupt, "the summary is none") }
        return UInt32(body.size)
    }
}
