import VarveFormat

// The index by itself: its header, all pages that the superblock's roots reach, the list of free ones, and what must hold
// between the trees.

extension StoreCheck {
    func checkIndex(_ store: StoreUUID) {
        guard let block = superblock, block.indexNumber != 0 else {
            report.remarks.append("no superblock says what is in the index: it was not looked at")
            return
        }
        guard !isLocked else { return }
        guard block.major == Format.major, block.minor >= Format.newestIndex else {
            report.remarks.append("the index is of an older version of the format: the next opening builds it anew")
            return
        }
        do throws(StoreError) {
            guard let pages = try openPages(block) else { return }
            var state = IndexState(block)
            let (violations, reached) = Check.violations(ofTreesIn: state, pages)
            for violation in violations { add(violation, .page) }
            report.pages = reached.count + 1
            let isListed = checkFreeList(block, pages, violations.isEmpty ? reached : nil)
            guard violations.isEmpty else {
                report.remarks.append("mailboxes were not compared with their messages: pages of the index are damaged")
                return
            }
            try state.load(pages)
            let root = Root(state: state, pages: pages, segments: SegmentTable([]), logEnd: block.logPosition)
            for violation in Check.run(Snapshot(root)) { add(violation, .mailbox) }
            if isListed { index = (state, pages) }
        } catch {
            report(error, .index, FileNames.index, .rebuildIndex)
        }
    }

    private func add(_ violation: Check.Violation, _ kind: CheckReport.Violation.Kind) {
        guard let page = violation.page else {
            return report.add(kind, FileNames.index, nil, violation.description, .rebuildIndex)
        }
        // The place may stand in the message already.
        let own = "\(FileNames.index), page \(page): "
        let what = violation.what.hasPrefix(own) ? String(violation.what.dropFirst(own.count)) : violation.what
        report.add(
            .page, FileNames.index, Int(page) * pageStride, "\(violation.place): \(what)", .rebuildIndex)
    }

    /// Bytes from one page's begin to the next one's, in the file.
    private var pageStride: Int { cipher == nil ? Format.pageSize : SealedPage.stride }

    /// The pages of the index that the superblock speaks of; nil if this is another one, which has been reported.
    private func openPages(_ block: Superblock) throws(StoreError) -> Pages? {
        let name = FileNames.index
        guard try files.exists(self.name(name)) else {
            report.add(.index, name, nil, "the file is missing", .open)
            return nil
        }
        let disk = try files.open(self.name(name), create: false, writable: false)
        let sealed = try cipher.map { cipher throws(StoreError) in
            try SealedIndex(disk, cipher, number: block.indexNumber)
        }
        try sealed?.readHeader()
        let file: any File = sealed ?? disk
        let count = try file.size() / Format.pageSize
        guard count >= Int(max(block.pageCount, 1)), count <= Int(UInt32.max) else {
            report.add(.index, name, nil, "\(count) whole pages, the superblock counts \(block.pageCount)", .open)
            return nil
        }
        // A page that cannot be read is an error here, and would be a signal in a mapping.
        let piece = ByteBlock(capacity: 1 << 20)
        for at in stride(from: 0, to: try disk.size(), by: 1 << 20) { _ = try disk.read(at: at, into: piece.bytes) }
        let pages = Pages(
            mapping: try file.map(count * Format.pageSize, writable: sealed != nil),
            verifier: PageVerifier(
                pageCount: UInt32(count), tag: block.store.tag, newest: block.modSeq, source: sealed), touches: nil)
        do throws(FormatError) {
            let header = try IndexHeader(UnsafeRawPointer(pages.base))
            guard header.store == block.store else { throw .invalid("it is of store \(header.store)") }
            guard header.isSealed == (sealed != nil) else { throw .invalid("it is not encrypted as the store is") }
            guard header.number == block.indexNumber else {
                throw .invalid("it is index \(header.number), the superblock speaks of \(block.indexNumber)")
            }
        } catch {
            report.add(.page, name, 0, "its header: \(error)", .open)
            return nil
        }
        return pages
    }

    // MARK: Free pages

    /// - Parameter reached: pages that the trees reach; nil if not all of them are known.
    /// - Returns: whether the list is whole.
    private func checkFreeList(_ block: Superblock, _ pages: Pages, _ reached: Set<UInt32>?) -> Bool {
        let list: (free: [UInt32], chain: [UInt32])
        do throws(StoreError) {
            list = try PageAllocator.readFreeList(first: block.freeList, pageCount: block.pageCount, pages: pages)
        } catch {
            let page = pageNumber(error.message)
            report.add(.page, FileNames.index, page.map { $0 * pageStride }, "list of free pages: \(error.message)", .rebuildIndex)
            return false
        }
        var isWhole = true
        func fail(_ page: UInt32, _ text: String) {
            report.add(.page, FileNames.index, Int(page) * pageStride, text, .rebuildIndex)
            isWhole = false
        }
        for (a, b) in zip(list.free, list.free.dropFirst()) where a >= b {
            fail(b, "it stands behind page \(a) in the list of free pages")
        }
        guard let reached else { return isWhole }
        var seen = reached.union([0])
        for page in list.chain where !seen.insert(page).inserted { fail(page, "it is in the list of free pages, and needed") }
        for page in list.free where !seen.insert(page).inserted { fail(page, "it is free, and needed or free again") }
        for page in 0..<block.pageCount where !seen.contains(page) { fail(page, "it is neither free nor needed") }
        return isWhole
    }

    /// The page that a message about the index names.
    private func pageNumber(_ message: String) -> Int? {
        let prefix = "\(FileNames.index), page "
        guard message.hasPrefix(prefix) else { return nil }
        return Int(message.dropFirst(prefix.count).prefix { $0.isNumber })
    }
}
