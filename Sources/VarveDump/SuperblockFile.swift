import VarveFormat

/// Both slots of a superblock, each as far as it holds.
struct SuperblockFile {
    enum Slot {
        case valid(Superblock)
        /// Never written: zeros, or behind the file's end.
        case empty
        case damaged(FormatError)
    }

    let file: InputFile
    private(set) var slots: [Slot] = []

    init(_ file: InputFile) throws(DumpError) {
        self.file = file
        slots = try SuperblockFile.read(file)
    }

    /// The valid slot with the higher sequence.
    var newest: Superblock? { SuperblockFile.newest(slots) }

    /// The newest slot as it is now, which a live server may have written since.
    func newestNow() throws(DumpError) -> Superblock? { SuperblockFile.newest(try SuperblockFile.read(file)) }

    private static func newest(_ slots: [Slot]) -> Superblock? {
        var best: Superblock?
        for case .valid(let block) in slots where block.sequence > best?.sequence ?? 0 { best = block }
        return best
    }

    private static func read(_ file: InputFile) throws(DumpError) -> [Slot] {
        var slots: [Slot] = []
        for slot in 0..<2 {
            let bytes = try file.read(at: slot * Superblock.slotSize, Superblock.slotSize)
            if bytes.allSatisfy({ $0 == 0 }) {
                slots.append(.empty)
                continue
            }
            do throws(FormatError) {
                let block = try bytes.withBytes { bytes throws(FormatError) in try Superblock(bytes) }
                guard block.sequence % 2 == slot else {
                    throw .invalid("sequence \(block.sequence) does not belong in slot \(slot)")
                }
                slots.append(.valid(block))
            } catch {
                slots.append(.damaged(error))
            }
        }
        return slots
    }

    // MARK: Dump

    func dump(_ output: Output) {
        for (number, slot) in slots.enumerated() {
            var item = Item("superblock")
            item.add("slot", number)
            switch slot {
            case .valid(let block):
                item.add("newest", .flag(block.sequence == newest?.sequence))
                item.add(block)
                output.emit(item)
                for tree in TreeID.allCases { output.emit(SuperblockFile.item(tree, block.roots[tree.slot])) }
            case .empty:
                item.add("empty", .flag(true))
                output.emit(item)
            case .damaged(let error): output.damage("\(file.name), slot \(number)", error.description)
            }
        }
        if case .empty = slots[0], case .empty = slots[1], file.size > 0 {
            output.damage(file.name, "neither slot was ever written")
        } else if newest == nil {
            output.damage(file.name, "no valid slot: the index is to be built from the log")
        }
    }

    private static func item(_ tree: TreeID, _ root: TreeRoot) -> Item {
        var item = Item("root", depth: 1)
        item.bare("tree", word: "\(tree)")
        item.add("page", root.page)
        item.add("height", root.height)
        return item
    }
}

extension Item {
    fileprivate mutating func add(_ block: Superblock) {
        add("store", word: block.store.description)
        add("version", word: "\(block.major).\(block.minor)")
        add("sequence", block.sequence)
        add("modseq", block.modSeq)
        add("logPosition", word: block.logPosition.description)
        add("index", block.indexNumber)
        add("pages", block.pageCount)
        add("freeList", block.freeList)
        add("nextMailbox", block.nextMailbox)
        add("lastUidvalidity", block.lastUIDValidity)
        add("nextIdentity", block.nextIdentity)
        add("deadRows", block.deadRows)
        add("deadBytes", block.deadBytes)
    }
}
