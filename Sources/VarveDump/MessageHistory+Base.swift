import MailModel
import VarveFormat

extension MessageHistory {
    /// Calls `body` with each record of the base that the history begins with, if there is one.
    mutating func forEachBaseRecord(_ body: (BaseHeader, BaseRecord) -> Void) throws(DumpError) {
        guard let base else { return }
        let file = try InputFile(base.path, name: base.name)
        let bytes = try file.read(at: 0, BaseHeader.size)
        guard let header = bytes.withBytes({ try? BaseHeader($0) }) else {
            if reportsDamage { output.damage(base.name, "its header does not hold") }
            return
        }
        let window = Window(file)
        var scanner = SegmentScanner(file, number: base.number, tag: tag, reaches: file.size)
        while true {
            switch try scanner.next() {
            case .frame(let frame):
                if frame.kind == FrameKind.footer.rawValue { return }
                guard frame.kind == FrameKind.base.rawValue, var reader = try? BaseRecordReader(frame, window) else {
                    continue
                }
                records: while true {
                    switch try reader.next() {
                    case .record(let record): body(header, record)
                    case .unknown, .malformed: continue
                    case .end: break records
                    }
                }
            case .damage(let from, _, let why):
                if reportsDamage { output.damage("\(base.name), offset \(from)", why) }
            case .end: return
            }
        }
    }

    /// What the base says of the message in its places: what was before is not known any more.
    /// - Returns: whether it is there.
    mutating func tellBase(_ stories: inout [Place: Story]) throws(DumpError) -> Bool {
        var keywords: [UInt32: String] = [:]
        var sets: [UInt32: [String]] = [:]
        var found: [(header: BaseHeader, place: Place, row: MessageRow)] = []
        let places = Set(stories.keys)
        try forEachBaseRecord { header, record in
            switch record {
            case .keyword(let id, let name): keywords[id] = name
            case .keywordSet(let number, let members): sets[number] = members.compactMap { keywords[$0] }
            case .messages(let mailbox, let rows):
                for row in rows {
                    let place = Place(mailbox: mailbox, uid: row.uid)
                    if places.contains(place) { found.append((header, place, row)) }
                }
            default: break
            }
        }
        for (header, place, row) in found {
            let system = SystemFlags(rawValue: row.flags).intersection(.all)
            let flags = Flags(system, keywords: sets[row.keywordSet] ?? [])
            stories[place] = Story(isThere: true, flags: flags)
            var item = Item("base", depth: 1)
            item.add("modseq", header.modSeq)
            item.add("mailbox", place.mailbox)
            item.add("uid", place.uid)
            item.add("identity", row.identity)
            item.add("location", word: row.location.description)
            item.add("size", row.size)
            item.add("changed", row.modSeq)
            item.add("flags", flags.value)
            output.emit(item)
        }
        return !found.isEmpty
    }
}
