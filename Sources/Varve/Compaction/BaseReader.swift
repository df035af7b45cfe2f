import VarveFormat

/// A base as an opening finds it.
struct BaseFile {
    let header: BaseHeader
    private let file: any File
    private let name: String

    /// - Parameter path: of the store's folder.
    /// - Throws: `.corrupt`, `.unsupportedVersion`.
    init(_ number: UInt32, in path: String, _ files: any FileSystem) throws(StoreError) {
        name = FileNames.base(number)
        file = try files.open("\(path)/\(name)", create: false, writable: false)
        let block = ByteBlock(capacity: BaseHeader.size)
        let count = try file.read(at: 0, into: block.bytes)
        do throws(FormatError) {
            header = try BaseHeader(UnsafeRawBufferPointer(rebasing: block.bytes[..<count]))
            guard header.number == number else { throw .invalid("it says that it is base \(header.number)") }
        } catch {
            throw .corrupt("\(path)/\(name)", error)
        }
    }

    /// Where the log goes on from the base.
    var next: LogPosition { LogPosition(segment: header.number, offset: UInt32(SegmentHeader.size)) }

    /// Whether all of its frames are there and hold.
    /// - Complexity: O(base).
    func isWhole() throws(StoreError) -> Bool {
        do throws(StoreError) {
            try forEachFrame { _, _ in }
            return true
        } catch {
            if error.kind == .corrupt { return false }
            throw error
        }
    }

    /// Builds the index of the base's state.
    /// - Parameters:
    ///   - state: empty.
    ///   - cipher: of an encrypted store.
    func load(
        _ state: IndexState, _ allocator: PageAllocator, _ cipher: StoreCipher?
    ) throws(StoreError) -> IndexState {
        allocator.begin(header.modSeq, oldestState: .max)
        do {
            let loader = BaseLoader(state, allocator, header)
            try forEachFrame { head, payload throws(StoreError) in
                let records = try Replay.records(of: payload, head, cipher, kind: .base)
                try loader.take(records.bytes, head.records)
                withExtendedLifetime(records.block) {}
            }
            var loaded = try loader.finish()
            try loaded.load(allocator.pages)
            allocator.commit(lastBoundary: 0)
            return loaded
        } catch {
            allocator.rollback()
            throw error.kind == .corrupt ? .corrupt(name, error.message) : error
        }
    }

    private func forEachFrame(
        _ body: (CommitHeader, UnsafeRawBufferPointer) throws(StoreError) -> Void
    ) throws(StoreError) {
        let size = try file.size()
        var reader = LogReader(
            file: file, segment: header.number, tag: header.store.tag, from: BaseHeader.size,
            limit: min(size, LogFiles.largestSegment), maximumPayload: BaseHeader.maximumPayload)
        var frames: UInt32 = 0
        while true {
            let place = "\(name), offset \(reader.offset)"
            guard case .frame(let frame) = try reader.next(), let block = frame.payload else {
                throw .corrupt(place, "no valid frame")
            }
            let payload = UnsafeRawBufferPointer(rebasing: block.bytes[..<Int(frame.header.length)])
            switch FrameKind(rawValue: frame.header.kind) {
            case .base:
                guard let head = try? CommitHeader(payload), head.modSeq == header.modSeq else {
                    throw .corrupt(place, "a frame of another base")
                }
                guard head.isSealed == header.isEncrypted else { throw .corrupt(place, "it is not sealed as the base says") }
                frames += 1
                try body(head, payload)
                withExtendedLifetime(block) {}
            case .footer:
                guard let footer = try? SegmentFooter(payload), footer.commits == frames, reader.offset == size else {
                    throw .corrupt(place, "a footer that is not that of the base")
                }
                return
            case .message, .smallMessage, .dictionary, .commit, nil: continue
            }
        }
    }
}
