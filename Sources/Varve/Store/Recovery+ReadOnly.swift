import MailModel
import VarveFormat

extension Recovery {
    /// Opens a store for reading: brings what its files say into memory, as far as it can be shown, and writes nothing.
    /// - Parameter damage: what kept the store from being opened for writing, if that was tried.
    static func openForReading(
        _ path: String, _ options: StoreOptions, damage: StoreError?
    ) throws(StoreError) -> Store {
        let files = ReadOnlyFileSystem(options.fileSystem)
        guard try files.exists("\(path)/\(FileNames.segments)") else {
            throw StoreError(.notFound, "\(path): there is no store")
        }
        let lock = try files.lockForReading("\(path)/\(FileNames.lock)")
        do throws(StoreError) {
            var options = options
            options.fileSystem = files
            options.backgroundMaintenance = false
            var recovery = ReadOnlyRecovery(path, options, damage)
            return try recovery.open(lock)
        } catch {
            lock?.release()
            throw error
        }
    }

    /// The checkpoint's index in memory; nil if any of it is damaged. One of an older minor version is better than none: all
    /// trees are in it, and what it does not say of a mailbox nobody needs to read the mail.
    static func indexInMemory(
        _ path: String, _ options: StoreOptions, _ block: Superblock, _ cipher: StoreCipher?
    ) -> (state: IndexState, allocator: PageAllocator)? {
        let name = "\(path)/\(FileNames.index)"
        do throws(StoreError) {
            guard block.indexNumber != 0, block.major == Format.major,
                try options.fileSystem.exists(name)
            else { return nil }
            let disk = try options.fileSystem.open(name, create: false, writable: false)
            let sealed = try cipher.map { cipher throws(StoreError) in
                try SealedIndex(disk, cipher, number: block.indexNumber)
            }
            let count = try (sealed ?? disk).size() / Format.pageSize
            guard count >= Int(max(block.pageCount, 1)), count <= Int(UInt32.max) else { return nil }
            let memory = try MemoryFile()
            let mapping = try memory.map(count * Format.pageSize, writable: true)
            let target = UnsafeMutableRawBufferPointer(start: mapping.base, count: count * Format.pageSize)
            if let sealed {
                try sealed.readHeader()
                _ = try sealed.read(
                    at: 0, into: UnsafeMutableRawBufferPointer(rebasing: target[..<Format.pageSize]))
            } else {
                guard try disk.read(at: 0, into: target) == target.count else { return nil }
            }
            let pages = Pages(
                mapping: mapping,
                verifier: PageVerifier(
                    pageCount: UInt32(count), tag: block.store.tag, newest: block.modSeq, source: sealed),
                touches: options.pageTouches)
            guard IndexHeader.matches(UnsafeRawPointer(pages.base), block, isSealed: sealed != nil) else { return nil }
            let free = try PageAllocator.readFreeList(first: block.freeList, pageCount: block.pageCount, pages: pages).free
            var state = IndexState(block)
            // Also brings every page that is needed into memory.
            guard Check.violations(ofTreesIn: state, pages).violations.isEmpty else { return nil }
            try state.load(pages)
            let allocator = PageAllocator(
                file: memory, pages: pages, pageCount: block.pageCount, free: free, checkpoint: block.modSeq,
                tag: block.store.tag)
            return (state, allocator)
        } catch {
            return nil
        }
    }
}

/// The newest state that can be shown: the checkpoint's, if its index is whole, else none; and behind it what the log says,
/// up to the first damage.
private struct ReadOnlyRecovery {
    private let path: String
    private let options: StoreOptions
    /// The first damage that was met.
    private var damage: StoreError?
    private var headers: [UInt32: SegmentHeader] = [:]
    private var numbers: [UInt32] = []

    init(_ path: String, _ options: StoreOptions, _ damage: StoreError?) {
        self.path = path
        self.options = options
        self.damage = damage
    }

    private var files: any FileSystem { options.fileSystem }
    private func name(_ number: UInt32) -> String { "\(path)/\(FileNames.segment(number))" }

    private mutating func met(_ error: StoreError) { damage = damage ?? error }

    mutating func open(_ lock: (any FileLock)?) throws(StoreError) -> Store {
        var block = try readSuperblock()
        try readHeaders()
        let first = numbers.lazy.compactMap { [headers] in headers[$0] }.first
        // One segment of another store does not speak for all, nor does a superblock that is alone.
        if let store = first?.store, let found = block, !headers.values.contains(where: { $0.store == found.store }) {
            met(.corrupt("\(path)/\(FileNames.superblock)", "it belongs to store \(found.store), the segments to \(store)"))
            block = nil
        }
        guard let uuid = block?.store ?? first?.store else {
            throw damage ?? .corrupt("\(path)/\(FileNames.segments)", "no segment has a valid header")
        }
        for (number, header) in headers where header.store != uuid {
            met(.corrupt(name(number), "it is of store \(header.store), not of \(uuid)"))
            headers[number] = nil
        }
        let cipher = try headers.values.first(where: \.isEncrypted).flatMap { header throws(StoreError) in
            try Recovery(path, options).openCipher(header)
        }
        let index = block.flatMap { Recovery.indexInMemory(path, options, $0, cipher) }
        var replay: Replay
        var start = LogPosition.start
        if let index, let block {
            replay = Replay(
                state: index.state, allocator: index.allocator, checkpoint: block.modSeq, cipher: cipher)
            start = block.logPosition
        } else {
            replay = try .inMemory(uuid, cipher)
            if let base = try newestBase(uuid) {
                do throws(StoreError) {
                    replay.state = try base.load(replay.state, replay.allocator, cipher)
                    start = base.next
                } catch {
                    met(error)
                }
            }
        }
        let end = try read(from: start, durable: block?.logPosition, uuid.tag, &replay)
        return try makeStore(uuid, cipher, block ?? Superblock(store: uuid), replay, end, lock)
    }

    private mutating func readSuperblock() throws(StoreError) -> Superblock? {
        let name = "\(path)/\(FileNames.superblock)"
        guard try files.exists(name) else { return nil }
        return try Recovery.readSuperblock(files.open(name, create: false, writable: false), name).newest
    }

    private mutating func readHeaders() throws(StoreError) {
        numbers = try files.list("\(path)/\(FileNames.segments)").compactMap(FileNames.segmentNumber).sorted()
        let block = ByteBlock(capacity: SegmentHeader.size)
        for number in numbers {
            let file = try files.open(name(number), create: false, writable: false)
            let count = try file.read(at: 0, into: block.bytes)
            do throws(FormatError) {
                let header = try SegmentHeader(UnsafeRawBufferPointer(rebasing: block.bytes[..<count]))
                guard header.number == number else { throw .invalid("it says that it is segment \(header.number)") }
                headers[number] = header
            } catch {
                // What a crash left of a header may say any version.
                let bytes = UnsafeRawBufferPointer(rebasing: block.bytes[..<count])
                if case .unsupportedVersion = error.reason, SegmentHeader.checksumHolds(bytes) {
                    throw .corrupt(name(number), error)
                }
                // A last segment that never began is no damage.
                var reader = LogReader(
                    file: file, segment: number, tag: 0, from: SegmentHeader.size, limit: try file.size())
                let isBlank = try reader.firstNonZero() == nil
                if number != numbers.last || !isBlank { met(.corrupt(name(number), error)) }
            }
        }
    }

    /// The newest base whose frames all hold.
    private func newestBase(_ store: StoreUUID) throws(StoreError) -> BaseFile? {
        let names = try files.list("\(path)/\(FileNames.segments)")
        for number in names.compactMap(FileNames.baseNumber).sorted(by: >) {
            if let base = try? BaseFile(number, in: path, files), base.header.store == store, try base.isWhole() {
                return base
            }
        }
        return nil
    }

    // MARK: The log

    /// Applies commits from a position on until the log's end, or damage.
    /// - Returns: where it ended.
    private mutating func read(
        from start: LogPosition, durable: LogPosition?, _ tag: UInt32, _ replay: inout Replay
    ) throws(StoreError) -> LogPosition {
        var position = start
        while true {
            let number = position.segment
            guard headers[number] != nil else {
                let isLast = number > 1 && !numbers.contains { $0 >= number } && number > durable?.segment ?? 0
                if !isLast { met(.corrupt(name(number), "the segment is missing, or not what it should be")) }
                return position
            }
            do throws(StoreError) {
                let file = try files.open(name(number), create: false, writable: false)
                let size = min(try file.size(), LogFiles.largestSegment)
                let next = headers[number &+ 1].map { Int($0.previousEnd) }
                var reader = LogReader(
                    file: file, segment: number, tag: tag, from: Int(position.offset), limit: min(next ?? size, size))
                var hasFooter = false
                while !hasFooter, case .frame(let frame) = try reader.next() {
                    switch FrameKind(rawValue: frame.header.kind) {
                    case .commit:
                        try replay.apply(
                            UnsafeRawBufferPointer(rebasing: frame.payload!.bytes[..<Int(frame.header.length)]), at: position,
                            previousEnd: headers[number]!.previousEnd)
                    case .footer: hasFooter = true
                    case .message, .smallMessage, .dictionary, .base, nil: break
                    }
                    position = reader.position
                }
                if let next, reader.offset >= next {
                    position = LogPosition(segment: number + 1, offset: UInt32(SegmentHeader.size))
                    continue
                }
                try checkEnd(reader, hasFooter: hasFooter, isFollowed: next != nil, durable)
            } catch {
                met(error)
            }
            return position
        }
    }

    private mutating func checkEnd(
        _ reader: LogReader, hasFooter: Bool, isFollowed: Bool, _ durable: LogPosition?
    ) throws(StoreError) {
        var reader = reader
        if hasFooter {
            return met(.corrupt(name(reader.segment &+ 1), "the segment is missing, in which the log went on"))
        }
        let isLater = numbers.contains { [segment = reader.segment] in $0 > segment && $0 != numbers.last }
        let isDamage: Bool
        if isFollowed || isLater || (durable.map { reader.position < $0 } ?? false) {
            isDamage = true
        } else {
            isDamage = try reader.frameProvingDamage() != nil
        }
        if isDamage { met(.corrupt("\(name(reader.segment)), offset \(reader.offset)", "no valid frame")) }
    }

    // MARK: The store

    /// A file whose name says a higher number is none of the store's: 64 TiB of log are 2^20 segments.
    private static let maximumSegments: UInt32 = 1 << 20

    private func makeStore(
        _ uuid: StoreUUID, _ cipher: StoreCipher?, _ block: Superblock, _ replay: Replay, _ end: LogPosition,
        _ lock: (any FileLock)?
    ) throws(StoreError) -> Store {
        let highest = min(max(numbers.last ?? 1, end.segment), ReadOnlyRecovery.maximumSegments)
        let table = SegmentTable((1...highest).map { SegmentFile(number: $0, path: name($0), fileSystem: files) })
        let root = Root(state: replay.state, pages: replay.allocator.pages, segments: table, logEnd: end)
        // Nothing is ever written to it.
        let nowhere = try MemoryFile()
        let current = LogWriter.Current(
            number: end.segment, previousEnd: headers[end.segment]?.previousEnd ?? 0, file: nowhere, end: Int(end.offset),
            zeroed: Int(end.offset))
        let writer = Store.Writer(
            superblockFile: nowhere, indexFile: nowhere, superblock: block, freeListPages: [],
            allocator: replay.allocator, log: LogWriter(current: current, tag: uuid.tag), state: replay.state,
            segments: table, lastBoundary: replay.state.modSeq, durable: replay.state.modSeq,
            aliveRoots: [(replay.state.modSeq, root.liveness)], deadMailboxes: DeadMailboxes([]))
        let refusal =
            damage.map {
                StoreError(
                    .readOnly,
                    "\(path): the store is damaged, and open for reading only (\($0.message)); 'varve repair' saves what is "
                        + "whole into a new one")
            } ?? StoreError(.readOnly, "\(path): the store is open for reading only")
        return Store(
            path: path, options: options, uuid: uuid, cipher: cipher, writer: writer, published: PublishedRoot(root), lock: lock,
            damage: damage, refusal: refusal)
    }
}
