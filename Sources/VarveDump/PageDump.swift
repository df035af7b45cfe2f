import VarveFormat

/// The dump of single pages of an index, whoever may reach them.
struct PageDump {
    let file: InputFile
    let output: Output

    /// One page with what stands in it, as far as its contents can be read. A page that nobody has checked yet carries no
    /// valid checksum, so that this alone is no damage.
    func show(_ number: UInt32) throws(DumpError) {
        if number > 0, let header = try sealedHeader() { return try showSealed(number, header) }
        let bytes = try file.read(at: Int(number) * Format.pageSize, Format.pageSize)
        guard bytes.count == Format.pageSize else {
            throw DumpError("\(file.name): there is no page \(number); it has \(file.size / Format.pageSize)")
        }
        bytes.withBytes { bytes in
            let page = bytes.baseAddress!
            output.emit(item(number, page))
            if PageKind(rawValue: page.load8(Page.kindOffset)) == .header, let header = try? IndexHeader(page) {
                var item = IndexDump.item(header, Array(bytes), file)
                item.depth = 1
                output.emit(item)
            }
            guard (try? Page.validateContents(page)) != nil else { return }
            PageEntries.emit(page, depth: 1, output)
        }
    }

    /// All pages, one a line: for an index whose superblock is not there.
    func showAll() throws(DumpError) {
        if let header = try sealedHeader() {
            try show(0)
            return try IndexDump.showSealed(
                file, pages: file.size / SealedPage.stride, tag: header.store.tag, output)
        }
        let window = Window(file)
        for number in 0..<(file.size / Format.pageSize) {
            guard let bytes = try window.bytes(at: number * Format.pageSize, Format.pageSize), let page = bytes.baseAddress
            else { return }
            // Never handed out.
            if bytes.allSatisfy({ $0 == 0 }) { continue }
            output.emit(item(UInt32(truncatingIfNeeded: number), page))
        }
    }

    /// The header of an encrypted store's index.
    private func sealedHeader() throws(DumpError) -> IndexHeader? {
        let bytes = try file.read(at: 0, Format.pageSize)
        guard bytes.count == Format.pageSize, let header = bytes.withBytes({ try? IndexHeader($0.baseAddress!) }),
            header.isSealed
        else { return nil }
        return header
    }

    private func showSealed(_ number: UInt32, _ header: IndexHeader) throws(DumpError) {
        let bytes = try file.read(at: Int(number) * SealedPage.stride, SealedPage.stride)
        guard bytes.count == SealedPage.stride else {
            throw DumpError("\(file.name): there is no page \(number); it has \(file.size / SealedPage.stride)")
        }
        var item = Item("page")
        item.bare("number", number)
        item.bare("kind", word: "sealed")
        let seal = bytes.withBytes { try? SealedPage.validate($0.baseAddress!, number: number, tag: header.store.tag) }
        item.add("checksum", word: seal != nil ? "ok" : "none")
        if let seal { item.add(seal) }
        output.emit(item)
    }

    private func item(_ number: UInt32, _ page: UnsafeRawPointer) -> Item {
        var item = Item("page")
        item.bare("number", number)
        let kind = page.load8(Page.kindOffset)
        item.bare("kind", word: PageKind(rawValue: kind).map { "\($0)" } ?? "unknown-\(kind)")
        let tree = page.load16(Page.treeOffset)
        if tree != 0 { item.add("tree", word: TreeID(rawValue: tree).map { "\($0)" } ?? "unknown-\(tree)") }
        item.add("level", Page.level(page))
        item.add("count", Page.count(page))
        item.add("birth", Page.birth(page))
        item.add("checksum", word: Page.checksum(page) == page.load32(Page.checksumOffset) ? "ok" : "none")
        let own = page.load32(Page.numberOffset)
        if own != number { item.add("saysThatItIs", own) }
        let contents: FormatError?
        do throws(FormatError) {
            try Page.validateContents(page)
            contents = nil
        } catch {
            contents = error
        }
        if let contents { item.add("contents", word: contents.description) }
        return item
    }
}
