import VarveFormat

/// The dump of one base: every record, or, for a store's overview, what they come to.
struct BaseDump {
    let file: InputFile
    let number: UInt32
    /// The store that the superblock or the segments are of.
    var store: StoreUUID?
    let showsRecords: Bool
    let output: Output

    private func place(_ offset: Int) -> String { "\(file.name), offset \(offset)" }

    func run() throws(DumpError) {
        guard let header = try header() else { return }
        let window = Window(file)
        // Nothing of it was ever shown before all of it was on disk: whatever does not hold is damage.
        var scanner = SegmentScanner(file, number: number, tag: header.store.tag, reaches: file.size)
        var totals = Totals()
        var footer: (frame: FrameHeader, fields: SegmentFooter)?
        var isDamaged = false
        scan: while true {
            switch try scanner.next() {
            case .frame(let frame):
                switch FrameKind(rawValue: frame.kind) {
                case .base: try show(frame, header, window, &totals)
                case .footer:
                    footer = try footerFields(frame).map { (frame, $0) }
                    if scanner.finish() > 0 { output.damage(place(scanner.offset), "bytes behind the footer") }
                    break scan
                case .message, .smallMessage, .dictionary, .commit, nil:
                    output.damage(place(Int(frame.position.offset)), "a frame of kind \(frame.kind)")
                }
            case .damage(let from, _, let why):
                isDamaged = true
                output.damage(place(from), why)
            case .end: break scan
            }
        }
        if let footer { try check(footer.frame, footer.fields, totals, header, isDamaged) } else {
            output.damage(place(scanner.offset), "no footer ends the base")
        }
        emit(header, totals)
    }

    /// What the frames hold.
    private struct Totals {
        var frames: UInt32 = 0
        var messages: UInt32 = 0
        var mailboxes = 0
        var bytes: UInt64 = 0
    }

    private func header() throws(DumpError) -> BaseHeader? {
        let bytes = try file.read(at: 0, BaseHeader.size)
        do throws(FormatError) {
            let header = try bytes.withBytes { bytes throws(FormatError) in try BaseHeader(bytes) }
            guard header.number == number else { throw .invalid("it says that it is base \(header.number)") }
            if let store, store != header.store {
                output.damage(file.name, "it is of store \(header.store), the others of \(store)")
            }
            return header
        } catch {
            output.damage(file.name, "header: \(error.description)")
            return nil
        }
    }

    private func emit(_ header: BaseHeader, _ totals: Totals) {
        var item = Item("base")
        item.bare("number", number)
        item.add("store", word: header.store.description)
        item.add("modseq", header.modSeq)
        item.add("time", word: Calendar.text(milliseconds: header.time))
        item.add("frames", totals.frames)
        if header.isEncrypted {
            item.add("encrypted", .flag(true))
        } else {
            item.add("mailboxes", totals.mailboxes)
            item.add("messages", totals.messages)
        }
        item.add("bytes", file.size)
        output.emit(item)
    }

    private func show(
        _ frame: FrameHeader, _ header: BaseHeader, _ window: Window, _ totals: inout Totals
    ) throws(DumpError) {
        let place = place(Int(frame.position.offset))
        totals.frames &+= 1
        totals.bytes &+= UInt64(frame.frameLength)
        var reader: BaseRecordReader
        do { reader = try BaseRecordReader(frame, window) } catch { return output.damage(place, error.message) }
        if reader.header.modSeq != header.modSeq {
            output.damage(place, "a frame of commit \(reader.header.modSeq) in the base of commit \(header.modSeq)")
        }
        if showsRecords, let item = reader.sealedItem(depth: 1) { output.emit(item) }
        while true {
            switch try reader.next() {
            case .record(let record):
                if case .messages(_, let rows) = record { totals.messages &+= UInt32(truncatingIfNeeded: rows.count) }
                if case .mailbox = record { totals.mailboxes += 1 }
                if showsRecords { record.forEachItem(depth: 1) { output.emit($0) } }
            case .unknown(let kind, let length):
                guard showsRecords else { continue }
                var item = Item("record", depth: 1)
                item.bare("kind", word: "unknown-\(kind)")
                item.add("length", length)
                output.emit(item)
            case .malformed(let error): output.damage(place, error.description)
            case .end: return
            }
        }
    }

    private func footerFields(_ frame: FrameHeader) throws(DumpError) -> SegmentFooter? {
        let offset = Int(frame.position.offset)
        let bytes = try file.read(at: offset + FrameHeader.size, min(Int(frame.length), SegmentFooter.size))
        do throws(FormatError) {
            return try bytes.withBytes { bytes throws(FormatError) in try SegmentFooter(bytes) }
        } catch {
            output.damage(place(offset), error.description)
            return nil
        }
    }

    private func check(
        _ frame: FrameHeader, _ footer: SegmentFooter, _ totals: Totals, _ header: BaseHeader, _ isDamaged: Bool
    ) throws(DumpError) {
        let offset = Int(frame.position.offset)
        if try Digest.sha256(file, 0..<offset) != footer.digest {
            output.damage(place(offset), "the footer's SHA-256 is not that of the base")
        }
        // What is in sealed records cannot be counted.
        let messages = header.isEncrypted ? footer.messages : totals.messages
        let counted = (footer.commits, footer.messages, footer.messageBytes, footer.lastModSeq)
        if !isDamaged, counted != (totals.frames, messages, totals.bytes, header.modSeq) {
            output.damage(place(offset), "the footer's counts are not those of the base's frames")
        }
    }
}
