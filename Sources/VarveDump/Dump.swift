import Varve
import VarveFormat

/// Tells what is in the files of a store, as text or JSON. Reads only, takes no lock, and works beside a live server;
/// goes on past damage and says where it is.
///
/// The text is stable: it depends on the bytes of the files and on nothing else, so that it can be compared.
public struct Dump {
    /// What is to be shown.
    public struct Options: Sendable {
        /// An array of objects, one a line, instead of lines of text.
        public var json = false
        /// The entries of one tree of the index, by its name; `free` for the list of free pages.
        public var tree: String?
        /// One page of the index.
        public var page: UInt32?
        /// The history of one message, `MAILBOX:UID`.
        public var message: String?
        /// Also the messages' bytes.
        public var bodies = false
        /// What the store holds: mailboxes and messages after the last commit, with the SHA-256 of their bodies.
        public var messages = false
        /// Opens an encrypted store for `messages`; nothing else is opened with it.
        public var masterKey: MasterKey?

        public init() {}

        /// Takes the master key from a file, or if none is named from the environment, if it is there.
        public mutating func readMasterKey(file: String?) throws(DumpError) {
            do throws(StoreError) {
                if let file { masterKey = try MasterKey(file: file) } else { masterKey = try MasterKey.fromEnvironment() }
            } catch {
                throw DumpError(error.message)
            }
        }
    }

    /// The environment variable that may have the master key.
    public static let masterKeyVariable = MasterKey.environmentVariable

    /// Names that `Options.tree` can have.
    public static let treeNames = TreeID.allCases.map { "\($0)" } + [freeName]
    private static let freeName = "free"

    private let path: String
    private let options: Options
    private let output: Output

    private init(_ path: String, _ options: Options, _ output: Output) {
        self.path = path
        self.options = options
        self.output = output
    }

    /// Dumps what is at `path`: a store's folder, or one of its files, known by its first bytes.
    /// - Parameter write: takes the dump in pieces.
    /// - Returns: how many places are damaged.
    /// - Throws: `DumpError` if there is nothing that could be dumped.
    /// - Complexity: O(files), memory O(1) but for the mailboxes' names, a bit for each page of the index, and the largest
    ///   record.
    public static func run(
        _ path: String, _ options: Options = Options(), write: @escaping ([UInt8]) -> Void
    ) throws(DumpError) -> Int {
        let output = Output(isJSON: options.json, write: write)
        // What was found before an error is still worth seeing, and JSON stays whole.
        defer { output.end() }
        try Dump(path, options, output).run()
        return output.damages
    }

    private func run() throws(DumpError) {
        let parts = [options.tree != nil, options.page != nil, options.message != nil, options.messages]
        guard parts.filter({ $0 }).count <= 1 else {
            throw DumpError("a tree, a page, a message or all messages can be shown, one at a time")
        }
        guard Folder.exists(path) else { throw DumpError("\(path): there is no such file or folder") }
        if Folder.isFolder(path) {
            guard StoreFiles.isStore(path) else {
                throw DumpError("\(path): a folder without \(FileNames.segments) and \(FileNames.superblock) is no store")
            }
            return try store()
        }
        guard !options.messages else { throw DumpError("\(path): messages are shown of a store's folder") }
        switch try kind() {
        case .superblock:
            try refuseParts("a superblock")
            let file = try InputFile(path, name: name)
            try OtherVersions.refuse(superblock: file)
            try SuperblockFile(file).dump(output)
        case .segment(let number):
            try refuseParts("a segment")
            try segment(number)
        case .base(let number):
            try refuseParts("a base")
            let file = try InputFile(path, name: name)
            try BaseDump(file: file, number: number, showsRecords: true, output: output).run()
        case .index: try index()
        case .key:
            try refuseParts("a key")
            try KeyFileDump(file: InputFile(path, name: name), output: output).run()
        }
    }

    private var name: String { Folder.split(path).name }

    private func refuseParts(_ what: String) throws(DumpError) {
        guard options.tree == nil, options.page == nil, options.message == nil else {
            throw DumpError("\(path): it is \(what); a tree, a page or a message is looked for in a store's folder")
        }
    }

    // MARK: What it is

    private enum Kind {
        case superblock
        case segment(UInt32)
        case base(UInt32)
        case index
        case key
    }

    private func kind() throws(DumpError) -> Kind {
        let bytes = try InputFile(path, name: name).read(at: 0, Superblock.slotSize + 16)
        func word(_ offset: Int) -> UInt64 {
            guard bytes.count >= offset + 8 else { return 0 }
            return bytes.withBytes { $0.baseAddress!.load64(offset) }
        }
        let number = FileNames.segmentNumber(name)
        if word(0) == SegmentHeader.magic {
            let header = bytes.withBytes { try? SegmentHeader($0) }
            return .segment(number ?? header?.number ?? 1)
        }
        if word(0) == BaseHeader.magic {
            let header = bytes.withBytes { try? BaseHeader($0) }
            return .base(FileNames.baseNumber(name) ?? header?.number ?? 1)
        }
        // A superblock that was written once has an empty first slot.
        if word(0) == Superblock.magic || word(Superblock.slotSize) == Superblock.magic { return .superblock }
        if word(Page.headerSize) == IndexHeader.magic { return .index }
        if word(0) == KeySlot.magic || word(KeySlot.size) == KeySlot.magic { return .key }
        // The magic itself may be what is damaged: then the name tells.
        if let number { return .segment(number) }
        if let number = FileNames.baseNumber(name) { return .base(number) }
        if name == FileNames.superblock { return .superblock }
        if name == FileNames.index { return .index }
        if name == FileNames.key { return .key }
        throw DumpError("\(path): neither a store nor a superblock, a segment, a base or an index of one")
    }

    // MARK: Single files

    private func segment(_ number: UInt32) throws(DumpError) {
        let file = try InputFile(path, name: name)
        try OtherVersions.refuse(segment: file)
        var context = SegmentContext(number: number)
        var isLast = true
        // In its place in a store, the files beside it tell how far it must reach.
        let folder = Folder.split(path).folder
        let root = folder == "." ? ".." : Folder.split(folder).folder
        if FileNames.segmentNumber(name) == number, Folder.exists("\(root)/\(FileNames.segment(number))") {
            let files = try StoreFiles(root)
            let superblock = try files.superblock()
            if let i = files.segments.firstIndex(where: { $0.number == number }) {
                context = try files.context(i, superblock, tag: try files.tag(superblock))
                isLast = i == files.segments.count - 1
            }
        }
        var dump = SegmentDump(file, context, options.bodies ? .bodies : .frames, lastModSeq: nil, output)
        try dump.run(isLast: isLast)
    }

    private func index() throws(DumpError) {
        guard options.message == nil else {
            throw DumpError("\(path): it is an index; a message is looked for in a store's folder")
        }
        if let page = options.page { return try PageDump(file: InputFile(path, name: name), output: output).show(page) }
        let beside = "\(Folder.split(path).folder)/\(FileNames.superblock)"
        guard Folder.exists(beside) else {
            guard options.tree == nil else {
                throw DumpError("\(path): without the superblock beside it the roots of its trees are unknown")
            }
            return try PageDump(file: InputFile(path, name: name), output: output).showAll()
        }
        let superblock = try SuperblockFile(InputFile(beside, name: FileNames.superblock))
        try IndexDump(path: path, name: name, superblock: superblock, output: output).run(try part() ?? .overview)
    }

    private func part() throws(DumpError) -> IndexDump.Part? {
        guard let tree = options.tree else { return nil }
        if tree == Dump.freeName { return .freePages }
        guard let id = TreeID.allCases.first(where: { "\($0)" == tree }) else {
            throw DumpError("\(tree): there is no such tree; there are \(Dump.treeNames.joined(separator: ", "))")
        }
        return .tree(id)
    }

    // MARK: A store

    private func store() throws(DumpError) {
        let files = try StoreFiles(path)
        try OtherVersions.refuse(in: files)
        let indexPath = "\(path)/\(FileNames.index)"
        if let message = options.message {
            var history = try MessageHistory(files, bodies: options.bodies, output)
            return try history.run(message)
        }
        if let page = options.page {
            return try PageDump(file: InputFile(indexPath, name: FileNames.index), output: output).show(page)
        }
        let superblock = try files.superblock()
        if options.messages {
            let uuid = try files.uuid(superblock)?.description ?? ""
            return try StateDump(path: path, uuid: uuid, masterKey: options.masterKey, output: output).run()
        }
        if let part = try part() {
            guard let superblock else { throw DumpError("\(path): without a superblock the roots of the trees are unknown") }
            return try IndexDump(path: indexPath, name: FileNames.index, superblock: superblock, output: output).run(part)
        }
        try overview(files, superblock, indexPath)
    }

    private func overview(_ files: StoreFiles, _ superblock: SuperblockFile?, _ indexPath: String) throws(DumpError) {
        let tag = try files.tag(superblock)
        var item = Item("store")
        if let uuid = try files.uuid(superblock) { item.bare("uuid", word: uuid.description) }
        item.add("segments", files.segments.count)
        output.emit(item)
        if let superblock { superblock.dump(output) } else { output.damage(FileNames.superblock, "it is missing") }
        try key(files)
        for number in files.missing { output.damage(FileNames.segment(number), "the segment is missing") }
        for base in files.bases {
            let file = try InputFile(base.path, name: base.name)
            try BaseDump(
                file: file, number: base.number, store: files.uuid(superblock), showsRecords: options.bodies, output: output
            ).run()
        }
        var lastModSeq: UInt64? = files.segments.first?.number == 1 ? 0 : nil
        for (i, segment) in files.segments.enumerated() {
            let file = try InputFile(segment.path, name: segment.name)
            if i > 0, files.segments[i - 1].number + 1 != segment.number { lastModSeq = nil }
            var dump = SegmentDump(
                file, try files.context(i, superblock, tag: tag), options.bodies ? .bodies : .summary,
                lastModSeq: lastModSeq, output)
            try dump.run(isLast: i == files.segments.count - 1)
            lastModSeq = dump.lastModSeq
            let next = FileNames.segment(segment.number &+ 1)
            // A live server may have begun it since the folder was listed.
            if i == files.segments.count - 1, dump.isSealed, !Folder.exists("\(path)/\(next)") {
                output.damage(next, "the segment is missing: the one before is sealed, which is done when a later one has begun")
            }
        }
        guard let superblock, let block = superblock.newest else { return }
        if let last = lastModSeq, last < block.modSeq {
            output.damage(FileNames.segments, "the log ends with commit \(last), the superblock has seen \(block.modSeq)")
        }
        if files.segments.last?.number ?? 0 < block.logPosition.segment {
            output.damage(
                FileNames.segment(block.logPosition.segment), "the segment is missing, from which the log is to be read")
        }
        let index = IndexDump(path: indexPath, name: FileNames.index, superblock: superblock, output: output)
        try index.run(.mailboxes)
    }
}

extension Dump {
    private func key(_ files: StoreFiles) throws(DumpError) {
        let path = "\(path)/\(FileNames.key)"
        if Folder.exists(path) {
            try KeyFileDump(file: InputFile(path, name: FileNames.key), output: output).run()
        } else if try files.isEncrypted() {
            output.damage(FileNames.key, "it is missing: nothing of this encrypted store can be read without it")
        }
    }
}

extension StoreFiles {
    /// What the first segment whose header holds says.
    func isEncrypted() throws(DumpError) -> Bool {
        for segment in segments {
            let bytes = try InputFile(segment.path, name: segment.name).read(at: 0, SegmentHeader.size)
            if let header = bytes.withBytes({ try? SegmentHeader($0) }) { return header.isEncrypted }
        }
        return false
    }

    fileprivate func uuid(_ superblock: SuperblockFile?) throws(DumpError) -> StoreUUID? {
        for segment in segments {
            let bytes = try InputFile(segment.path, name: segment.name).read(at: 0, SegmentHeader.size)
            if let header = bytes.withBytes({ try? SegmentHeader($0) }) { return header.store }
        }
        return superblock?.newest?.store
    }
}
