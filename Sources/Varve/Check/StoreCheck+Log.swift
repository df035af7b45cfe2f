import VarveFormat

// Segments: headers, frames, footers, and what the commits say, applied to an index in memory.

extension StoreCheck {
    /// Lists the segments and reads their headers, and finds out whose store it is.
    func readHeaders(_ slots: [Superblock]) throws(StoreError) -> [CheckedLog.Segment] {
        let numbers = try files.list(name(FileNames.segments)).compactMap(FileNames.segmentNumber).sorted()
        var segments: [CheckedLog.Segment] = []
        var votes: [StoreUUID: Int] = [:]
        for slot in slots { votes[slot.store, default: 0] += 1 }
        for number in numbers {
            let (header, size) = readHeader(number, isLast: number == numbers.last)
            segments.append(CheckedLog.Segment(number: number, header: header, size: size))
            if let header { votes[header.store, default: 0] += 1 }
        }
        // Each segment and slot names the store. A stranger is outvoted; where there are as many, the first segment is right.
        let first = segments.first { $0.header != nil }?.header?.store
        report.store = votes.max { a, b in a.value != b.value ? a.value < b.value : b.key == first && a.key != first }?.key
        for i in segments.indices {
            guard let header = segments[i].header, let store = report.store, header.store != store else { continue }
            report.add(
                .segment, FileNames.segment(header.number), 16, "it is of store \(header.store), not of \(store)", .repair)
            segments[i].header = nil
        }
        try findBase()
        checkNumbers(segments.map(\.number).filter { $0 >= log.firstSegment })
        report.segments = segments.count
        return segments
    }

    private func checkNumbers(_ numbers: [UInt32]) {
        // Where a superblock says that the log went on, there was a segment.
        let highest = max(numbers.last ?? 0, superblock?.logPosition.segment ?? 1)
        let missing = NumberGaps.gaps(in: numbers, from: log.firstSegment, through: highest)
        for gap in missing {
            let last = gap.upperBound > gap.lowerBound ? " and those up to \(gap.upperBound)" : ""
            report.add(.segment, FileNames.segment(gap.lowerBound), nil, "the segment is missing" + last, .repair)
        }
    }

    private func readHeader(_ number: UInt32, isLast: Bool) -> (SegmentHeader?, size: Int) {
        let file = FileNames.segment(number)
        let block = ByteBlock(capacity: SegmentHeader.size)
        var size = 0
        do throws(StoreError) {
            let opened = try files.open(name(file), create: false, writable: false)
            size = try opened.size()
            let count = try opened.read(at: 0, into: block.bytes)
            do throws(FormatError) {
                let header = try SegmentHeader(UnsafeRawBufferPointer(rebasing: block.bytes[..<count]))
                guard header.number == number else { throw .invalid("it says that it is segment \(header.number)") }
                return (header, size)
            } catch {
                if isLast, number > superblock?.logPosition.segment ?? 0, try isBlank(opened, size) {
                    report.remarks.append("\(file) was never begun: the next opening removes it")
                } else {
                    report.add(.segment, file, 0, "its header: \(error)", .repair)
                }
            }
        } catch {
            report(error, .segment, file, .repair)
        }
        return (nil, size)
    }

    private func isBlank(_ file: any File, _ size: Int) throws(StoreError) -> Bool {
        var reader = LogReader(file: file, segment: 1, tag: 0, from: SegmentHeader.size, limit: size)
        return try reader.firstNonZero() == nil
    }

    func checkLog(_ segments: [CheckedLog.Segment], _ store: StoreUUID) {
        do throws(StoreError) {
            if !isLocked { try beginReplay(store) }
        } catch {
            report.remarks.append("the index was not compared with the log: \(error.message)")
        }
        let total = segments.reduce(0) { $0 + $1.size }
        var expected = log.firstSegment
        for (i, segment) in segments.enumerated() {
            let next = i + 1 < segments.count ? segments[i + 1] : nil
            // What was not met breaks the chain of commits.
            if segment.number >= log.firstSegment {
                if segment.number != expected || segment.header == nil { stopReplay() }
                expected = segment.number &+ 1
            }
            if let header = segment.header, header.isEncrypted != (cipher != nil || isLocked) {
                report.add(.segment, FileNames.segment(segment.number), 48, "it is not encrypted as the others are", .repair)
            }
            if segment.header != nil || !isForeign(segment, store) { checkSegment(segment, next, store, total) }
            report.logBytes += segment.size
            progress(report.logBytes, total)
        }
        for number in log.unsealed {
            if number < log.lastSealed {
                report.add(.footer, FileNames.segment(number), nil, "it has no footer, and a later segment has one", .open)
            } else {
                report.remarks.append("\(FileNames.segment(number)) is not sealed yet: the next opening does it")
            }
        }
        finishReplay()
    }

    /// Whether no frame of the segment can be of this store, its header being of another.
    private func isForeign(_ segment: CheckedLog.Segment, _ store: StoreUUID) -> Bool {
        guard let file = try? files.open(name(FileNames.segment(segment.number)), create: false, writable: false) else {
            return true
        }
        let block = ByteBlock(capacity: SegmentHeader.size)
        guard let count = try? file.read(at: 0, into: block.bytes),
            let header = try? SegmentHeader(UnsafeRawBufferPointer(rebasing: block.bytes[..<count]))
        else { return false }
        return header.store != store || header.number != segment.number
    }

    func stopReplay() {
        guard log.replay != nil else { return }
        log.lastReplayed = log.replay?.state.modSeq ?? 0
        log.replay = nil
    }

    private func finishReplay() {
        checkNeeded()
        guard let block = superblock, block.indexNumber != 0 else { return }
        if !log.hasMetCheckpoint, log.replay != nil {
            report.add(
                .superblock, FileNames.superblock, nil,
                "at its position \(block.logPosition) no frame begins and no segment ends", .open)
        }
        if index != nil, !log.wasCompared {
            if log.replay != nil {
                report.add(
                    .superblock, FileNames.superblock, nil,
                    "it speaks of commit \(block.modSeq), the log ends with \(log.lastCommit)", .repair)
            } else {
                report.remarks.append(
                    "the index, of commit \(block.modSeq), was not compared with the log, whose commits are whole up to "
                        + "\(log.lastReplayed)")
            }
        }
    }

    // MARK: The base

    /// Looks at the newest base that holds; a replay begins with it.
    private func findBase() throws(StoreError) {
        let names = try files.list(name(FileNames.segments))
        for number in names.compactMap(FileNames.baseNumber).sorted(by: >) {
            let file = FileNames.base(number)
            if base != nil {
                report.remarks.append("\(file) is older than the newest base: the next opening removes it")
                continue
            }
            do throws(StoreError) {
                let found = try BaseFile(number, in: path, files)
                if let store = report.store, found.header.store != store {
                    throw .corrupt(file, "it is of store \(found.header.store)")
                }
                guard try found.isWhole() else { throw .corrupt(file, "a frame of it does not hold") }
                try checkBaseDigest(file)
                base = found
                log.firstSegment = number
            } catch {
                guard error.kind != .unsupportedVersion else { throw error }
                report.add(.base, file, nil, StoreCheck.withoutName(error.message, file), .repair)
            }
        }
        for name in names.sorted() where name.hasSuffix(".base.new") {
            report.remarks.append("\(FileNames.segments)/\(name) was never finished: the next opening removes it")
        }
    }

    private static func withoutName(_ message: String, _ file: String) -> String {
        guard let range = message.firstRange(of: file + ": ") else { return message }
        return String(message[range.upperBound...])
    }

    /// The footer of a base holds the digest of all before it.
    private func checkBaseDigest(_ file: String) throws(StoreError) {
        let opened = try files.open(name(file), create: false, writable: false)
        let frame = FrameHeader.frameLength(payload: SegmentFooter.size)
        let end = try opened.size() - frame
        let block = ByteBlock(capacity: frame)
        guard end > 0, try opened.read(at: end, into: block.bytes) == frame,
            let footer = try? SegmentFooter(UnsafeRawBufferPointer(rebasing: block.bytes[FrameHeader.size...])),
            try Store.digest(opened, 0..<end) == footer.digest
        else { throw .corrupt(file, "its SHA-256 is not that of the base") }
    }

    private func beginReplay(_ store: StoreUUID) throws(StoreError) {
        var replay = try Replay.inMemory(store, cipher)
        if let base {
            do throws(StoreError) {
                replay.state = try base.load(replay.state, replay.allocator, cipher)
                log.lastCommit = base.header.modSeq
            } catch {
                report.add(.base, FileNames.base(base.header.number), nil, error.message, .repair)
                return
            }
        }
        log.replay = replay
        compareIfCheckpoint()
    }

    /// Segments that the account still needs, be it for bodies alone, are there.
    private func checkNeeded() {
        guard let replay = log.replay else { return }
        do throws(StoreError) {
            for cell in try replay.state.segmentCells(replay.allocator.pages) where cell.number < log.firstSegment {
                if try !files.exists(name(FileNames.segment(cell.number))) {
                    report.add(.segment, FileNames.segment(cell.number), nil, "the segment is missing", .repair)
                }
            }
        } catch {
            report(error, .index, FileNames.index, .rebuildIndex)
        }
    }

    // MARK: Bodies

    /// Whether the bytes of every message are there, as far as mailboxes are known.
    func checkBodies(_ store: StoreUUID) {
        if let replay = log.replay {
            checkBodies(replay.state, replay.allocator.pages)
        } else if let index {
            checkBodies(index.state, index.pages)
        }
    }

    private func checkBodies(_ state: IndexState, _ pages: Pages) {
        do throws(StoreError) {
            try state.uid.forEachLeaf(0, .max, pages) { leaf, rows in
                for row in rows {
                    let message = MessageRow(leaf, row)
                    if message.flags & MessageRow.deadBit == 0 {
                        checkBody(message, mailbox: UInt32(RowTree<UIDSchema>.key(leaf, row) >> 32))
                    }
                }
                return true
            }
        } catch {
            report(error, .index, FileNames.index, .rebuildIndex)
        }
    }

    private func checkBody(_ message: MessageRow, mailbox: UInt32) {
        let found = log.size(at: message.location.rawValue)
        if found == message.size { return }
        report.add(
            .body, FileNames.segment(message.location.segment), Int(message.location.offset),
            found.map { "a message of \($0) bytes, where UID \(message.uid) of mailbox \(mailbox) has \(message.size)" }
                ?? "no valid message frame, where the bytes of UID \(message.uid) of mailbox \(mailbox) should be",
            .repair)
    }
}

/// Numbers that are missing.
enum NumberGaps {
    /// - Parameter numbers: ascending, none below the first.
    static func gaps(in numbers: [UInt32], from first: UInt32, through highest: UInt32) -> [ClosedRange<UInt32>] {
        var gaps: [ClosedRange<UInt32>] = []
        var next = first
        for number in numbers {
            if number > next { gaps.append(next...(number - 1)) }
            next = number == .max ? .max : number + 1
        }
        if next <= highest, numbers.last != highest { gaps.append(next...highest) }
        return gaps
    }
}
