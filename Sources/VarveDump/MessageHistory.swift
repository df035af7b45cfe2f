import MailModel
import VarveFormat

/// All that happened to one message, from the log alone: where it came from, through however many copies and moves, what
/// became of its flags, and how it went.
///
/// The log is read once to learn which mailbox has the name, once for each copy or move that the message came by, and
/// once more to tell its story in order: memory holds the names of mailboxes and a place for each hop.
struct MessageHistory {
    /// A message in a mailbox.
    struct Place: Hashable {
        var mailbox: UInt32
        var uid: UInt32
    }

    private let files: StoreFiles
    private let superblock: SuperblockFile?
    private let bodies: Bool
    let output: Output
    let tag: UInt32
    /// Where the history begins; nil: with the log's first segment.
    let base: StoreFiles.Segment?
    /// Whether damage has been reported: each reading of the log would meet it again.
    var reportsDamage = true

    /// A message that went through more copies and moves than this is told from here on only.
    private static let maximumHops = 100

    init(_ files: StoreFiles, bodies: Bool, _ output: Output) throws(DumpError) {
        self.files = files
        self.bodies = bodies
        self.output = output
        superblock = try files.superblock()
        guard let tag = try files.tag(superblock) else { throw DumpError("\(files.path): no segment can be read") }
        self.tag = tag
        base = files.segments.first?.number == 1 && files.missing.isEmpty ? nil : files.bases.last
    }

    /// - Parameter message: a mailbox' name and a UID, `INBOX:5`.
    mutating func run(_ message: String) throws(DumpError) {
        if try files.isEncrypted() {
            throw DumpError("\(files.path): the store is encrypted: what happened to a message cannot be told without its key")
        }
        guard let colon = message.lastIndex(of: ":"), let uid = UInt32(message[message.index(after: colon)...]), uid > 0
        else { throw DumpError("\(message): give a message as MAILBOX:UID, as in INBOX:5") }
        let name = String(message[..<colon])
        guard let mailbox = try mailbox(named: name) else {
            throw DumpError("\(name): the log knows no mailbox of that name")
        }
        var hops = [Place(mailbox: mailbox, uid: uid)]
        while hops.count <= MessageHistory.maximumHops, let origin = try origin(of: hops[0]), !hops.contains(origin) {
            hops.insert(origin, at: 0)
        }
        var item = Item("message")
        item.bare("name", .name(Array(name.utf8)))
        item.add("mailbox", mailbox)
        item.add("uid", uid)
        output.emit(item)
        if try !tell(hops) { throw DumpError("\(message): the log knows no such message") }
    }

    // MARK: Reading the log

    private mutating func forEachCommit(
        _ body: (_ frame: FrameHeader, _ header: CommitHeader, _ record: Record, _ window: Window) throws(DumpError) -> Void
    ) throws(DumpError) {
        if reportsDamage { for number in files.missing { output.damage(missing(number), "the segment is missing") } }
        for (i, segment) in files.segments.enumerated() where segment.number >= base?.number ?? 0 {
            let file = try InputFile(segment.path, name: segment.name)
            let window = Window(file)
            let context = try files.context(i, superblock, tag: tag)
            var scanner = SegmentScanner(file, number: segment.number, tag: tag, reaches: context.reaches)
            scan: while true {
                switch try scanner.next() {
                case .frame(let frame):
                    if frame.kind == FrameKind.footer.rawValue { break scan }
                    guard frame.kind == FrameKind.commit.rawValue else { continue }
                    try read(frame, window, segment.name, body)
                case .damage(let from, _, let why):
                    if reportsDamage { output.damage("\(segment.name), offset \(from)", why) }
                case .end: break scan
                }
            }
        }
        reportsDamage = false
    }

    private func missing(_ number: UInt32) -> String { StoreFiles.name(number) }

    private func read(
        _ frame: FrameHeader, _ window: Window, _ name: String,
        _ body: (FrameHeader, CommitHeader, Record, Window) throws(DumpError) -> Void
    ) throws(DumpError) {
        let place = "\(name), offset \(frame.position.offset)"
        var reader: CommitReader
        do { reader = try CommitReader(frame, window) } catch {
            if reportsDamage { output.damage(place, error.message) }
            return
        }
        while true {
            switch try reader.next() {
            case .record(let record): try body(frame, reader.header, record, window)
            case .unknown: continue
            case .malformed(let error): if reportsDamage { output.damage(place, error.description) }
            case .end: return
            }
        }
    }

    /// The mailbox that has the name, or if none has it now, the one that had it last.
    private mutating func mailbox(named name: String) throws(DumpError) -> UInt32? {
        var names: [UInt32: String] = [:]
        var holder: UInt32?
        var last: UInt32?
        try forEachBaseRecord { (_, record) in
            guard case .mailbox(let mailbox) = record else { return }
            names[mailbox.id] = mailbox.name
            if mailbox.name == name { (holder, last) = (mailbox.id, mailbox.id) }
        }
        try forEachCommit { (_, _, record, _) throws(DumpError) in
            switch record {
            case .createMailbox(let id, _, let new), .renameMailbox(let id, let new):
                if names[id] == name, new != name { holder = nil }
                names[id] = new
                if new == name { (holder, last) = (id, id) }
            case .deleteMailbox(let id):
                if names.removeValue(forKey: id) == name { holder = nil }
            default: break
            }
        }
        return holder ?? last
    }

    /// Where a message was copied or moved from; nil if it was appended, or is not known.
    private mutating func origin(of place: Place) throws(DumpError) -> Place? {
        var origin: Place?
        try forEachCommit { (_, _, record, _) throws(DumpError) in
            switch record {
            case .copy(let from, let to, let first, let victims), .move(let from, let to, let first, let victims):
                guard to == place.mailbox, place.uid >= first,
                    let uid = MessageHistory.uid(victims.uids, at: place.uid - first)
                else { return }
                origin = Place(mailbox: from, uid: uid)
            default: break
            }
        }
        return origin
    }

    /// The UID before which `rank` others stand in the set.
    private static func uid(_ uids: UIDSet, at rank: UInt32) -> UInt32? {
        var left = Int(rank)
        for range in uids.ranges {
            if left < range.span { return range.first.rawValue + UInt32(left) }
            left -= range.span
        }
        return nil
    }

    // MARK: Telling

    /// What is known of the message in one of its places.
    struct Story {
        var isThere: Bool
        var flags: Flags
    }

    /// - Returns: whether the message was met at all.
    private mutating func tell(_ hops: [Place]) throws(DumpError) -> Bool {
        var stories: [Place: Story] = [:]
        for hop in hops { stories[hop] = Story(isThere: false, flags: []) }
        var isKnown = false
        var told: UInt64?
        let (output, bodies, files) = (output, bodies, files)
        if try tellBase(&stories) { isKnown = true }
        try forEachCommit { (frame, header, record, window) throws(DumpError) in
            let items = MessageHistory.items(record, &stories)
            guard !items.isEmpty else { return }
            isKnown = true
            if told != header.modSeq {
                told = header.modSeq
                var item = header.item(depth: 1)
                item.add("at", word: "\(frame.position)")
                output.emit(item)
            }
            for item in items { output.emit(item) }
            guard bodies else { return }
            switch record {
            case .append(let append): try MessageHistory.showBody(at: append.location, files, output)
            case .relocate(let move): try MessageHistory.showBody(at: move.to, files, output)
            default: break
            }
        }
        return isKnown
    }

    /// What a record means for the message, as lines; also keeps its flags.
    private static func items(_ record: Record, _ stories: inout [Place: Story]) -> [Item] {
        switch record {
        case .append(let append):
            let place = Place(mailbox: append.mailbox, uid: append.uid)
            guard stories[place] != nil else { return [] }
            stories[place] = Story(isThere: true, flags: append.flags)
            return [record.item(depth: 2)]
        case .changeFlags(let mailbox, let operation, let flags, let uids):
            return stories.keys.sorted { $0.uid < $1.uid }.compactMap { place -> Item? in
                // The record's ranges may run over messages that are gone.
                guard place.mailbox == mailbox, uids.contains(UID(place.uid)), stories[place]?.isThere == true else {
                    return nil
                }
                stories[place]?.flags.change(operation, flags)
                var item = event("changeFlags", place)
                item.add("operation", word: "\(operation)")
                item.add("flags", flags.value)
                item.add("now", stories[place]!.flags.value)
                return item
            }
        case .expunge(let mailbox, let victims):
            return leave(mailbox, victims.uids, &stories).map { event("expunge", $0) }
        case .copy(let from, let to, let first, let victims):
            return transfer("copy", from, to, first, victims.uids, &stories)
        case .move(let from, let to, let first, let victims):
            let items = transfer("move", from, to, first, victims.uids, &stories)
            _ = leave(from, victims.uids, &stories)
            return items
        case .relocate(let move):
            let names = move.rows.contains { stories[Place(mailbox: $0.mailbox, uid: $0.uid)] != nil }
            return names ? [record.item(depth: 2)] : []
        case .deleteMailbox(let id):
            return leave(id, UIDSet(UIDRange(.min, .max)), &stories).map { event("deleteMailbox", $0) }
        default: return []
        }
    }

    private static func event(_ kind: String, _ place: Place) -> Item {
        var item = Item("record", depth: 2)
        item.bare("kind", word: kind)
        item.add("mailbox", place.mailbox)
        item.add("uid", place.uid)
        return item
    }

    private static func leave(_ mailbox: UInt32, _ uids: UIDSet, _ stories: inout [Place: Story]) -> [Place] {
        let gone = stories.keys.filter {
            $0.mailbox == mailbox && uids.contains(UID($0.uid)) && stories[$0]?.isThere == true
        }.sorted { $0.uid < $1.uid }
        for place in gone { stories[place]?.isThere = false }
        return gone
    }

    private static func transfer(
        _ kind: String, _ from: UInt32, _ to: UInt32, _ first: UInt32, _ uids: UIDSet, _ stories: inout [Place: Story]
    ) -> [Item] {
        stories.keys.filter { $0.mailbox == from && uids.contains(UID($0.uid)) && stories[$0]?.isThere == true }
            .sorted { $0.uid < $1.uid }
            .map { source in
                let target = Place(mailbox: to, uid: first &+ UInt32(truncatingIfNeeded: uids.count(below: UID(source.uid))))
                if stories[target] != nil { stories[target] = Story(isThere: true, flags: stories[source]!.flags) }
                var item = event(kind, source)
                item.add("toMailbox", target.mailbox)
                item.add("toUid", target.uid)
                return item
            }
    }

    private static func showBody(
        at location: LogPosition, _ files: StoreFiles, _ output: Output
    ) throws(DumpError) {
        let number = location.segment
        let place = "\(StoreFiles.name(number)), offset \(location.offset)"
        guard let segment = files.segments.first(where: { $0.number == number }) else {
            // It may have been copied elsewhere since, and the segment given up.
            if number < files.bases.last?.number ?? 0 { return }
            return output.damage(place, "the segment with the message's body is missing")
        }
        let window = Window(try InputFile(segment.path, name: segment.name))
        do throws(FormatError) {
            let message = try MessageFrameDump(at: location, window)
            output.emit(message.item(depth: 3))
            var lines = BodyLines(depth: 4, output)
            try message.forEachPiece { lines.add($0) }
            lines.end()
        } catch {
            output.damage(place, "message: \(error.description)")
        }
    }
}

extension Flags {
    /// Keywords are the same without regard to ASCII case.
    fileprivate mutating func change(_ operation: FlagOperation, _ flags: Flags) {
        func fold(_ keyword: String) -> [UInt8] { keyword.utf8.map { 65...90 ~= $0 ? $0 | 32 : $0 } }
        let named = Set(flags.keywords.map(fold))
        switch operation {
        case .replace: self = flags
        case .add:
            let present = Set(keywords.map(fold))
            system.formUnion(flags.system)
            keywords += flags.keywords.filter { !present.contains(fold($0)) }
        case .remove:
            system.subtract(flags.system)
            keywords.removeAll { named.contains(fold($0)) }
        }
    }
}
