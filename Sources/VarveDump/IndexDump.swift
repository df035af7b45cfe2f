import VarveFormat

/// The dump of an index: all its trees in figures, the mailboxes, one tree's entries, or one page.
struct IndexDump {
    enum Part {
        case overview
        /// As `overview`, with the mailboxes.
        case mailboxes
        case tree(TreeID)
        case freePages
    }

    let path: String
    let name: String
    let superblock: SuperblockFile
    let output: Output

    /// So often a dump begins again because the superblock changed under it.
    private static let maximumRestarts = 8

    func run(_ part: Part) throws(DumpError) {
        guard var block = superblock.newest else {
            throw DumpError("\(superblock.file.name): no valid slot, so the roots of the index are unknown")
        }
        guard block.indexNumber != 0, Folder.exists(path) else {
            var item = Item("index")
            item.add("missing", .flag(true))
            output.emit(item)
            return
        }
        for _ in 0..<IndexDump.maximumRestarts {
            // Opened anew each time: an index that was built anew is another file.
            let reader = IndexReader(try InputFile(path, name: name), superblock, block)
            output.hold()
            do throws(WalkError) {
                switch try checkHeader(reader) {
                case .none: break
                case .some(let isSealed):
                    if isSealed { try showSealed(part, reader) } else { try show(part, reader) }
                }
                output.keep()
                return
            } catch {
                switch error {
                case .failed(let error): throw error
                case .superblockChanged:
                    if !output.takeBack() { output.emit(Item("restart")) }
                    if let newest = try superblock.newestNow() { block = newest }
                }
            }
        }
        throw DumpError("\(name): the store is written to so quickly that its index could not be read; try again")
    }

    // MARK: Header

    /// - Returns: whether the pages behind it are sealed; nil if there is no header page.
    private func checkHeader(_ reader: IndexReader) throws(WalkError) -> Bool? {
        var isSealed = false
        let bytes: [UInt8]
        do { bytes = try reader.file.read(at: 0, Format.pageSize) } catch { throw .failed(error) }
        guard bytes.count == Format.pageSize else {
            output.damage(name, "a file of \(reader.file.size) bytes")
            return nil
        }
        do throws(FormatError) {
            let header = try bytes.withBytes { bytes throws(FormatError) in try IndexHeader(bytes.baseAddress!) }
            isSealed = header.isSealed
            output.emit(IndexDump.item(header, bytes, reader.file))
            guard header.store == reader.block.store else { throw .invalid("it belongs to store \(header.store)") }
            guard header.number == reader.block.indexNumber else {
                throw .invalid("it is index \(header.number), the superblock speaks of \(reader.block.indexNumber)")
            }
            guard reader.file.size / header.stride >= Int(reader.block.pageCount) else {
                throw .invalid("a file of \(reader.file.size) bytes for \(reader.block.pageCount) pages")
            }
        } catch {
            if let now = try? superblock.newestNow(), now.sequence != reader.block.sequence { throw .superblockChanged }
            output.damage("\(name), page 0", error.description)
        }
        return isSealed
    }

    private func showSealed(_ part: Part, _ reader: IndexReader) throws(WalkError) {
        do throws(DumpError) {
            switch part {
            case .overview, .mailboxes:
                try IndexDump.showSealed(
                    reader.file, pages: Int(reader.block.pageCount), tag: reader.block.store.tag, output)
            case .tree, .freePages: throw DumpError("\(name): \(IndexDump.sealedMessage)")
            }
        } catch {
            throw .failed(error)
        }
    }

    static func item(_ header: IndexHeader, _ page: [UInt8], _ file: InputFile) -> Item {
        var item = Item("index")
        item.bare("number", header.number)
        item.add("store", word: header.store.description)
        item.add("version", word: page.withBytes {
            "\($0.baseAddress!.load16(Page.headerSize + 8)).\($0.baseAddress!.load16(Page.headerSize + 10))"
        })
        item.add("filePages", file.size / header.stride)
        if header.isSealed { item.add("encrypted", .flag(true)) }
        return item
    }

    // MARK: Parts

    private func show(_ part: Part, _ reader: IndexReader) throws(WalkError) {
        let walk = TreeWalk(reader, output)
        switch part {
        case .overview: try overview(reader, walk, listsMailboxes: false)
        case .mailboxes: try overview(reader, walk, listsMailboxes: true)
        case .tree(let tree):
            let totals = try walk.walk(tree) { PageEntries.emit($0, depth: 1, output) }
            output.emit(item(tree, reader, totals))
        case .freePages:
            let (chain, free, _) = try walk.freePages { output.emit(PageEntries.free($0, 1)) }
            output.emit(item(chain: chain, free: free))
        }
    }

    private func overview(_ reader: IndexReader, _ walk: TreeWalk, listsMailboxes: Bool) throws(WalkError) {
        var isWhole = true
        var messages = 0
        var dead = 0
        var live = 0
        for tree in TreeID.allCases {
            let totals = try walk.walk(tree) { page in
                guard tree == .mailboxes else { return }
                add(page, messages: &messages, dead: &dead)
                if listsMailboxes { PageEntries.emit(page, depth: 1, output) }
            }
            isWhole = isWhole && totals.isWhole
            if tree == .uid { live = Int(totals.live) }
            output.emit(item(tree, reader, totals))
        }
        let list = try walk.freePages { _ in }
        output.emit(item(chain: list.chain, free: list.free))
        guard isWhole, list.isWhole, reader.block.roots.count == TreeID.allCases.count else { return }
        let lost = Int(reader.block.pageCount) - Int(walk.reached.size)
        if lost != 0 { output.damage(name, "\(lost) pages are neither in use nor free") }
        if live != messages { output.damage(name, "\(live) live messages, the mailboxes count \(messages)") }
        if UInt64(dead) != reader.block.deadRows {
            output.damage(name, "\(dead) expunged messages are kept, the superblock counts \(reader.block.deadRows)")
        }
    }

    private func add(_ page: UnsafeRawPointer, messages: inout Int, dead: inout Int) {
        for i in 0..<Page.count(page) {
            guard let row = try? MailboxRow(id: 0, CellPage.value(page, i)) else { continue }
            messages += Int(row.messages)
            dead += Int(row.dead)
        }
    }

    private func item(_ tree: TreeID, _ reader: IndexReader, _ totals: TreeWalk.Totals) -> Item {
        let root = reader.block.roots[tree.slot]
        var item = Item("tree", depth: 1)
        item.bare("tree", word: "\(tree)")
        item.add("root", root.page)
        item.add("height", root.height)
        item.add("pages", totals.pages)
        item.add("entries", totals.entries)
        if tree == .uid {
            item.add("live", totals.live)
            item.add("unseen", totals.unseen)
        }
        return item
    }

    private func item(chain: Int, free: Int) -> Item {
        var item = Item("free", depth: 1)
        item.add("pages", free)
        item.add("listPages", chain)
        return item
    }
}
