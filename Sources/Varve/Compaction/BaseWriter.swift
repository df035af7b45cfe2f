import VarveFormat

/// Writes a base: the account of one published state, as records (`Formats/base.md`). Holds one frame of it at a time, so
/// that its memory does not grow with the account.
struct BaseWriter {
    private let file: any File
    private let header: BaseHeader
    /// Seals the records; nil in a store that is not encrypted.
    private let cipher: StoreCipher?
    private var offset = BaseHeader.size
    private var records: [UInt8] = []
    private var recordCount: UInt32 = 0
    private var frames: UInt32 = 0
    private var messages: UInt32 = 0
    /// Called between two frames; throws to end it.
    private let step: () throws(StoreError) -> Void

    /// Messages, ranges or segments in one record at most.
    private static let maximumElements = 8192

    /// Makes the base of a state, durable under its name.
    /// - Parameters:
    ///   - segments: that are about to be given up: the base does not name them, so that a replay can begin with it without
    ///     them.
    ///   - folder: the store's.
    /// - Complexity: O(account); reads the index without a lock.
    static func write(
        _ root: Root, _ header: BaseHeader, without segments: Set<UInt32>, in folder: String, _ files: any FileSystem,
        _ cipher: StoreCipher?, step: @escaping () throws(StoreError) -> Void
    ) throws(StoreError) {
        precondition(root.state.modSeq == header.modSeq, "a base is the state before its segment's first commit")
        let new = "\(folder)/\(FileNames.newBase(header.number))"
        if try files.exists(new) { try files.remove(new) }
        do {
            let file = try files.open(new, create: true, writable: true)
            var writer = BaseWriter(file: file, header: header, cipher: cipher, step: step)
            try writer.write(root, without: segments)
            try files.rename(new, to: "\(folder)/\(FileNames.base(header.number))")
        } catch {
            // What is left of it takes space, and is removed by the next opening at the latest.
            try? files.remove(new)
            throw error
        }
        try files.syncDirectory("\(folder)/\(FileNames.segments)")
    }

    private init(
        file: any File, header: BaseHeader, cipher: StoreCipher?, step: @escaping () throws(StoreError) -> Void
    ) {
        precondition(header.isEncrypted == (cipher != nil), "a base is sealed as its store is")
        self.cipher = cipher
        self.file = file
        self.header = header
        self.step = step
    }

    private mutating func write(_ root: Root, without dropped: Set<UInt32>) throws(StoreError) {
        let block = ByteBlock(header.encode())
        try file.write(at: 0, [UnsafeRawBufferPointer(block.bytes)])
        withExtendedLifetime(block) {}
        let state = root.state
        try add(
            .account(
                BaseAccount(
                    nextMailbox: state.nextMailbox, lastUIDValidity: state.lastUIDValidity,
                    nextIdentity: state.nextIdentity, deadBytes: state.deadBytes)))
        let cells = try state.segmentCells(root.pages).filter { !dropped.contains($0.number) }
        for from in stride(from: 0, to: cells.count, by: BaseWriter.maximumElements) {
            try add(.segments(Array(cells[from..<min(from + BaseWriter.maximumElements, cells.count)])))
        }
        try addKeywords(root)
        try addMailboxes(root)
        try addSubscriptions(root)
        try endFrame()
        try addFooter()
        try file.sync()
    }

    // MARK: Frames

    private mutating func add(_ record: BaseRecord) throws(StoreError) {
        record.encode(into: &records)
        recordCount += 1
        if records.count >= BaseHeader.wantedPayload { try endFrame() }
    }

    private mutating func endFrame() throws(StoreError) {
        guard recordCount > 0 else { return }
        var payload = [UInt8]()
        payload.reserveCapacity(CommitHeader.size + records.count)
        CommitHeader(modSeq: header.modSeq, time: header.time, records: recordCount).encode(into: &payload)
        payload.append(contentsOf: records)
        records.removeAll(keepingCapacity: true)
        recordCount = 0
        if let cipher { payload = try cipher.sealRecords(payload, .base) }
        try addFrame(.base, payload)
        frames += 1
        try step()
    }

    private mutating func addFrame(_ kind: FrameKind, _ payload: [UInt8]) throws(StoreError) {
        let position = LogPosition(segment: header.number, offset: UInt32(offset))
        var frame = FrameBuilder(at: position, synced: position, tag: header.store.tag)
        guard frame.hasRoom(payload: payload.count) else {
            throw StoreError(.limit, "the account is too large for a base, whose places are 32 bits wide")
        }
        frame.add(kind, payload: payload)
        try file.write(at: offset, frame.blocks.map { UnsafeRawBufferPointer(rebasing: $0.block.bytes[$0.range]) })
        offset += frame.byteCount
        withExtendedLifetime(frame) {}
    }

    private mutating func addFooter() throws(StoreError) {
        let footer = SegmentFooter(
            firstModSeq: 0, lastModSeq: header.modSeq, commits: frames, messages: messages,
            messageBytes: UInt64(offset - BaseHeader.size), digest: try Store.digest(file, 0..<offset))
        try addFrame(.footer, footer.encode())
    }

    // MARK: What is in it

    private mutating func addKeywords(_ root: Root) throws(StoreError) {
        var cells = CellBlocks(root.state.keywordTree)
        while let block = try cells.next(root.pages) {
            for (key, value) in block {
                switch try BaseWriter.keyword(key, value) {
                case .keyword(let id, let name):
                    try add(.keyword(id: id, name: String(decoding: name, as: UTF8.self)))
                case .set(let number, let members): try add(.keywordSet(number: number, members: members))
                }
            }
        }
    }

    private static func keyword(_ key: [UInt8], _ value: [UInt8]) throws(StoreError) -> KeywordCell {
        do throws(FormatError) {
            return try key.withBytes { key throws(FormatError) in
                try value.withBytes { value throws(FormatError) in try KeywordCell(key: key, value: value) }
            }
        } catch {
            throw .corrupt("\(FileNames.index), tree keywords", error)
        }
    }

    private mutating func addMailboxes(_ root: Root) throws(StoreError) {
        var cells = CellBlocks(root.state.mailboxes)
        while let block = try cells.next(root.pages) {
            for (key, _) in block {
                let id = key.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                guard let row = try root.state.mailbox(id, root.pages) else { continue }
                try add(
                    .mailbox(
                        BaseMailbox(
                            id: id, uidValidity: row.uidValidity, uidNext: row.uidNext, firstRecent: row.firstRecent,
                            highestModSeq: row.highestModSeq, vanishedFloor: row.vanishedFloor, created: row.created,
                            name: String(decoding: row.name, as: UTF8.self), specialUse: row.specialUse,
                            syncMode: row.syncMode)))
                try addMessages(id, root)
                try addVanished(id, root)
            }
        }
    }

    private mutating func addMessages(_ mailbox: UInt32, _ root: Root) throws(StoreError) {
        var rows: [MessageRow] = []
        var failure: StoreError?
        try root.state.uid.forEachLeaf(
            MessageRow.key(mailbox: mailbox, uid: 0), MessageRow.key(mailbox: mailbox, uid: .max), root.pages
        ) { leaf, found in
            for row in found where MessageRow.flags(leaf, row) & MessageRow.deadBit == 0 {
                rows.append(MessageRow(leaf, row))
            }
            guard rows.count >= BaseWriter.maximumElements else { return true }
            do throws(StoreError) { try add(mailbox, &rows) } catch { failure = error }
            return failure == nil
        }
        if let failure { throw failure }
        try add(mailbox, &rows)
    }

    private mutating func add(_ mailbox: UInt32, _ rows: inout [MessageRow]) throws(StoreError) {
        guard !rows.isEmpty else { return }
        messages += UInt32(rows.count)
        try add(.messages(mailbox: mailbox, rows))
        rows.removeAll(keepingCapacity: true)
    }

    private mutating func addVanished(_ mailbox: UInt32, _ root: Root) throws(StoreError) {
        typealias Tree = RowTree<VanishedSchema>
        var ranges: [VanishedRange] = []
        var failure: StoreError?
        try root.state.vanished.forEachLeaf(
            RangeRow.key(mailbox: mailbox, modSeq: 0, first: 0), RangeRow.key(mailbox: mailbox, modSeq: .max, first: .max),
            root.pages
        ) { leaf, rows in
            for row in rows {
                let key = Tree.key(leaf, row)
                ranges.append(
                    VanishedRange(modSeq: RangeRow.modSeq(key), first: RangeRow.first(key), last: Tree.last(leaf, row)))
            }
            guard ranges.count >= BaseWriter.maximumElements else { return true }
            do throws(StoreError) { try add(.vanished(mailbox: mailbox, ranges)) } catch { failure = error }
            ranges.removeAll(keepingCapacity: true)
            return failure == nil
        }
        if let failure { throw failure }
        if !ranges.isEmpty { try add(.vanished(mailbox: mailbox, ranges)) }
    }

    private mutating func addSubscriptions(_ root: Root) throws(StoreError) {
        var cells = CellBlocks(root.state.subscriptions)
        while let block = try cells.next(root.pages) {
            for (key, _) in block { try add(.subscription(name: String(decoding: key, as: UTF8.self))) }
        }
    }
}

/// The cells of a tree, copied out block by block.
private struct CellBlocks {
    private let tree: CellTree
    private var from: [UInt8]? = []
    private static let size = 256

    init(_ tree: CellTree) { self.tree = tree }

    /// nil at the end.
    mutating func next(_ pages: borrowing Pages) throws(StoreError) -> [(key: [UInt8], value: [UInt8])]? {
        guard let start = from else { return nil }
        var block: [(key: [UInt8], value: [UInt8])] = []
        try start.withBytes { start throws(StoreError) in
            _ = try tree.forEach(from: start, pages) { key, value in
                block.append((Array(key), Array(value)))
                return block.count < CellBlocks.size
            }
        }
        // The string of bytes that comes next behind the last one is that with a zero added.
        from = block.count < CellBlocks.size ? nil : block[block.count - 1].key + [0]
        return block.isEmpty ? nil : block
    }
}
