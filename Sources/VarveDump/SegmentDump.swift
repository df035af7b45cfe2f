import VarveFormat

/// The dump of one segment: every frame, or, for a store's overview, what they come to.
struct SegmentDump {
    /// How much of it is printed.
    enum Detail { case summary, frames, bodies }

    let file: InputFile
    let context: SegmentContext
    let detail: Detail
    let output: Output

    /// The modseq of the last commit before; nil if the next one may have any.
    private(set) var lastModSeq: UInt64?
    private var commits: UInt32 = 0
    private var messages: UInt32 = 0
    private var messageBytes: UInt64 = 0
    private var firstModSeq: UInt64 = 0
    private var segmentLastModSeq: UInt64 = 0
    private var isDamaged = false
    private var footerOffset: Int?
    /// Whether a footer was met.
    var isSealed: Bool { footerOffset != nil }
    private let window: Window

    init(_ file: InputFile, _ context: SegmentContext, _ detail: Detail, lastModSeq: UInt64?, _ output: Output) {
        self.file = file
        self.context = context
        self.detail = detail
        self.lastModSeq = lastModSeq
        self.output = output
        window = Window(file)
    }

    private func place(_ offset: Int) -> String { "\(file.name), offset \(offset)" }

    /// - Parameter isLast: its header may not be there yet.
    mutating func run(isLast: Bool) throws(DumpError) {
        if isLast, try neverBegan() {
            var item = Item("segment")
            item.bare("number", context.number)
            item.add("empty", .flag(true))
            return output.emit(item)
        }
        let header = try header()
        var tag = header?.store.tag ?? context.tag
        if tag == nil { tag = try SegmentContext.tag(file, context.number) }
        guard let tag else {
            if file.size > 0, !isLast { output.damage(file.name, "the store's tag is unknown: its frames cannot be told") }
            return
        }
        var scanner = SegmentScanner(file, number: context.number, tag: tag, reaches: context.reaches)
        scan: while true {
            switch try scanner.next() {
            case .frame(let frame):
                try show(frame)
                checkBoundary(frame)
                if frame.kind == FrameKind.footer.rawValue {
                    let rest = scanner.finish()
                    if rest > 0, detail != .summary { end(word: "zeros", from: scanner.offset, count: rest) }
                    break scan
                }
            case .damage(let from, _, let why):
                isDamaged = true
                lastModSeq = nil
                output.damage(place(from), why)
            case .end(let tail):
                show(tail)
                break scan
            }
        }
        if detail == .summary { showSummary(end: footerOffset ?? scanner.offset) }
    }

    /// A last segment without a header, whose first batch did not get to the disk, or is on its way there.
    private func neverBegan() throws(DumpError) -> Bool {
        let bytes = try file.read(at: 0, SegmentHeader.size)
        guard bytes.allSatisfy({ $0 == 0 }), context.reaches == SegmentHeader.size else { return false }
        guard let tag = context.tag else { return true }
        // A frame made when the log had reached this segment proves that there was a header.
        var scanner = SegmentScanner(file, number: context.number, tag: tag, reaches: context.reaches)
        while case .frame(let frame) = try scanner.next() {
            if frame.synced.segment == context.number { return false }
        }
        return true
    }

    private func header() throws(DumpError) -> SegmentHeader? {
        let bytes = try file.read(at: 0, SegmentHeader.size)
        var item = Item("segment")
        item.bare("number", context.number)
        do throws(FormatError) {
            let header = try bytes.withBytes { bytes throws(FormatError) in try SegmentHeader(bytes) }
            guard header.number == context.number else { throw .invalid("it says that it is segment \(header.number)") }
            item.add("store", word: header.store.description)
            item.add("version", word: bytes.withBytes { "\($0.baseAddress!.load16(8)).\($0.baseAddress!.load16(10))" })
            item.add("firstModseq", header.firstModSeq)
            item.add("previousEnd", header.previousEnd)
            if header.isEncrypted { item.add("encrypted", .flag(true)) }
            output.emit(item)
            if let store = context.store, store != header.store {
                output.damage(file.name, "it is of store \(header.store), the superblock of \(store)")
            }
            return header
        } catch {
            output.damage(file.name, "header: \(error.description)")
            return nil
        }
    }

    // MARK: Frames

    private mutating func show(_ frame: FrameHeader) throws(DumpError) {
        let offset = Int(frame.position.offset)
        let kind = FrameKind(rawValue: frame.kind)
        if detail != .summary {
            var item = Item("frame", depth: 1)
            item.bare("offset", offset)
            item.bare("kind", word: kind.map { "\($0)" } ?? "unknown-\(frame.kind)")
            item.add("length", frame.length)
            item.add("checksum", word: "ok")
            item.add("synced", word: frame.synced.description)
            output.emit(item)
        }
        switch kind {
        case .message, .smallMessage: showMessage(frame)
        case .dictionary: try showDictionary(frame)
        case .commit: try showCommit(frame)
        case .footer: try showFooter(frame)
        case .base, nil: break
        }
    }

    private mutating func showMessage(_ frame: FrameHeader) {
        messages += 1
        messageBytes += UInt64(frame.frameLength)
        do throws(FormatError) {
            let message = try MessageFrameDump(frame, window)
            guard detail != .summary else { return }
            output.emit(message.item(depth: 2))
            guard detail == .bodies else { return }
            var lines = BodyLines(depth: 3, output)
            try message.forEachPiece { lines.add($0) }
            lines.end()
        } catch {
            output.damage(place(Int(frame.position.offset)), "message: \(error.description)")
        }
    }

    private func showDictionary(_ frame: FrameHeader) throws(DumpError) {
        let bytes = try file.read(at: Int(frame.position.offset) + FrameHeader.size, Int(frame.length))
        do throws(FormatError) {
            let dictionary = try bytes.withBytes { bytes throws(FormatError) in try DictionaryDump(bytes) }
            if detail != .summary { output.emit(dictionary.item(depth: 2)) }
        } catch {
            output.damage(place(Int(frame.position.offset)), "dictionary: \(error.description)")
        }
    }

    private mutating func showCommit(_ frame: FrameHeader) throws(DumpError) {
        let offset = Int(frame.position.offset)
        commits += 1
        var reader: CommitReader
        do { reader = try CommitReader(frame, window) } catch {
            output.damage(place(offset), error.message)
            return
        }
        let header = reader.header
        if let last = lastModSeq, header.modSeq != last &+ 1 {
            output.damage(place(offset), "commit \(header.modSeq) follows commit \(last)")
        }
        lastModSeq = header.modSeq
        segmentLastModSeq = header.modSeq
        if firstModSeq == 0 { firstModSeq = header.modSeq }
        if detail != .summary {
            output.emit(header.item(depth: 2))
            if let item = reader.sealedItem(depth: 3) { output.emit(item) }
        }
        while true {
            switch try reader.next() {
            case .record(let record): if detail != .summary { output.emit(record.item(depth: 3)) }
            case .unknown(let kind, let length):
                guard detail != .summary else { continue }
                var item = Item("record", depth: 3)
                item.bare("kind", word: "unknown-\(kind)")
                item.add("length", length)
                output.emit(item)
            case .malformed(let error): output.damage(place(offset), error.description)
            case .end: return
            }
        }
    }

    private mutating func showFooter(_ frame: FrameHeader) throws(DumpError) {
        let offset = Int(frame.position.offset)
        footerOffset = offset
        let bytes = try file.read(at: offset + FrameHeader.size, min(Int(frame.length), SegmentFooter.size))
        let footer: SegmentFooter
        do throws(FormatError) {
            footer = try bytes.withBytes { bytes throws(FormatError) in try SegmentFooter(bytes) }
        } catch {
            return output.damage(place(offset), error.description)
        }
        let holds = try Digest.sha256(file, 0..<offset) == footer.digest
        if detail != .summary {
            var item = Item("footer", depth: 2)
            item.add("firstModseq", footer.firstModSeq)
            item.add("lastModseq", footer.lastModSeq)
            item.add("commits", footer.commits)
            item.add("messages", footer.messages)
            item.add("messageBytes", footer.messageBytes)
            item.add("sha256", word: hexadecimal(footer.digest))
            item.add("digest", word: holds ? "ok" : "wrong")
            output.emit(item)
        }
        if !holds { output.damage(place(offset), "the footer's SHA-256 is not that of the segment") }
        let counted = (footer.commits, footer.messages, footer.messageBytes, footer.firstModSeq, footer.lastModSeq)
        if !isDamaged, counted != (commits, messages, messageBytes, firstModSeq, segmentLastModSeq) {
            output.damage(place(offset), "the footer's counts are not those of the segment's frames")
        }
        if let end = context.end, end != offset {
            output.damage(place(offset), "the footer stands here, the next segment says that frames end at \(end)")
        }
    }

    private func checkBoundary(_ frame: FrameHeader) {
        guard let checkpoint = context.checkpoint else { return }
        let start = Int(frame.position.offset)
        if start < checkpoint, checkpoint < start + frame.frameLength {
            output.damage(place(checkpoint), "the superblock's log position lies within the frame at \(start)")
        }
    }

    // MARK: The end

    private func show(_ tail: SegmentScanner.Tail) {
        guard detail != .summary else {
            if case .torn(let from, let frames) = tail { torn(from: from, frames) }
            return
        }
        switch tail {
        case .nothing: break
        case .zeros(let from, let count): end(word: "zeros", from: from, count: count)
        case .torn(let from, let frames): torn(from: from, frames)
        }
    }

    private func end(word: String, from: Int, count: Int) {
        var item = Item("end", depth: 1)
        item.bare("offset", from)
        item.bare("tail", word: word)
        item.add("bytes", count)
        output.emit(item)
    }

    private func torn(from: Int, _ frames: Int) {
        var item = Item("end", depth: 1)
        item.bare("offset", from)
        item.bare("tail", word: "torn")
        item.add("bytes", file.size - from)
        item.add("frames", frames)
        output.emit(item)
    }

    private func showSummary(end: Int) {
        var item = Item("log", depth: 1)
        item.add("end", end)
        item.add("commits", commits)
        if firstModSeq > 0 { item.add("modseqs", word: "\(firstModSeq):\(segmentLastModSeq)") }
        item.add("messages", messages)
        item.add("messageBytes", messageBytes)
        item.add("sealed", .flag(footerOffset != nil))
        output.emit(item)
    }
}

extension CommitHeader {
    func item(depth: Int) -> Item {
        var item = Item("commit", depth: depth)
        item.add("modseq", modSeq)
        item.add("time", word: Calendar.text(milliseconds: time))
        item.add("records", records)
        return item
    }
}
