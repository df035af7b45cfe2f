import VarveFormat

extension StoreCheck {
    /// How a segment is read: up to where its frames end, and what is to be said of it at its end.
    private struct Pass {
        let number: UInt32
        let file: any File
        let tag: UInt32
        /// Of this segment alone: each is to have its own.
        let dictionaries: SegmentDictionaries
        let previousEnd: UInt32
        let size: Int
        var reader: LogReader
        /// Frames end here, as the next segment says; nil for the segment in which the log goes on, and where nobody says.
        let end: Int?
        let isLast: Bool
        /// Of what searches behind damage may still sum.
        var budget: Int
        var footer = SegmentFooter(
            firstModSeq: 0, lastModSeq: 0, commits: 0, messages: 0, messageBytes: 0,
            digest: [UInt8](repeating: 0, count: 32))
        var isSound = true

        var name: String { FileNames.segment(number) }
    }

    func checkSegment(
        _ segment: CheckedLog.Segment, _ next: CheckedLog.Segment?, _ store: StoreUUID, _ total: Int
    ) {
        let name = FileNames.segment(segment.number)
        do throws(StoreError) {
            let file = try files.open(self.name(name), create: false, writable: false)
            let size = min(segment.size, LogFiles.largestSegment)
            let isFollowed = next.map { $0.number == segment.number + 1 } ?? false
            let end = isFollowed ? next?.header.map { Int($0.previousEnd) } : nil
            if let end, end > size {
                report.add(.segment, name, size, "the file ends here, its frames at \(end)", .repair)
            }
            var pass = Pass(
                number: segment.number, file: file, tag: store.tag,
                dictionaries: SegmentDictionaries(tag: store.tag) { [] }, previousEnd: segment.header?.previousEnd ?? 0, size: size,
                reader: LogReader(
                    file: file, segment: segment.number, tag: store.tag, from: SegmentHeader.size,
                    limit: min(end ?? size, size)),
                end: end, isLast: next == nil, budget: 4 * size + (1 << 20))
            pass.isSound = segment.header != nil && end ?? 0 <= size
            if let header = segment.header { checkSeam(header) }
            try checkFrames(&pass, total)
            if end != nil, end! <= size { try checkEnd(&pass) }
        } catch {
            report(error, .segment, name, .repair)
            stopReplay()
        }
    }

    private func checkSeam(_ header: SegmentHeader) {
        guard log.replay != nil, header.number >= log.firstSegment, header.firstModSeq != log.lastCommit + 1 else { return }
        report.add(
            .segment, FileNames.segment(header.number), 40,
            "it is to begin with commit \(header.firstModSeq), and follows commit \(log.lastCommit)", .repair)
    }

    // MARK: Frames

    private func checkFrames(_ pass: inout Pass, _ total: Int) throws(StoreError) {
        while true {
            let place = pass.reader.position
            if place == superblock?.logPosition { log.hasMetCheckpoint = true }
            if let end = pass.end, pass.reader.offset >= end { return }
            guard case .frame(let frame) = try pass.reader.next() else {
                guard try passGap(&pass) else { return }
                continue
            }
            switch FrameKind(rawValue: frame.header.kind) {
            case .message, .smallMessage:
                pass.footer.messages += 1
                pass.footer.messageBytes += UInt64(frame.header.frameLength)
                report.messageFrames += 1
                checkMessage(place, pass)
            case .commit:
                report.commits += 1
                checkCommit(frame, place, &pass)
            case .footer:
                // Met before the end that the next segment names, or there is none to name it.
                checkEarlyFooter(place, pass)
                if pass.end == nil { return }
            case .dictionary: checkDictionary(place, pass)
            case .base, nil: break
            }
            progress(report.logBytes + pass.reader.offset, total)
        }
    }

    private func checkEarlyFooter(_ place: LogPosition, _ pass: Pass) {
        if pass.end != nil {
            report.add(.footer, pass.name, Int(place.offset), "a footer stands before the end of the frames", .repair)
        } else if pass.isLast {
            report.add(
                .segment, FileNames.segment(pass.number &+ 1), nil, "the segment is missing, in which the log went on",
                .repair)
            stopReplay()
        }
    }

    /// Deals with a place at which no valid frame begins.
    /// - Returns: false if nothing more is to be read.
    private func passGap(_ pass: inout Pass) throws(StoreError) -> Bool {
        let from = pass.reader.offset
        let limit = pass.reader.limit
        if pass.isLast {
            if try isTornTail(&pass) { return false }
        } else if pass.end == nil, try pass.reader.firstNonZero() == nil {
            return false
        }
        let next = try pass.reader.nextFrame(budget: &pass.budget)
        let to = next ?? limit
        pass.isSound = false
        let what: String
        switch try pass.reader.claimedKind() {
        case let kind?: what = "the checksum of the \(FrameKind(rawValue: kind).map { "\($0)" } ?? "unknown") frame does not hold"
        case nil: what = "no valid frame"
        }
        if from >= limit, pass.isLast {
            report.add(
                .segment, pass.name, from, "the file ends here, the log at \(superblock?.logPosition.offset ?? 0)", .repair)
            stopReplay()
        }
        if from < to {
            report.add(.frame, pass.name, from, "\(what); \(to - from) bytes up to \(next == nil ? "the end" : "the next one")", .repair)
        }
        pass.reader.skip(to: to)
        return next != nil
    }

    /// Whether what stands at the log's end is what a crash leaves, or nothing.
    private func isTornTail(_ pass: inout Pass) throws(StoreError) -> Bool {
        let place = pass.reader.position
        if let durable = superblock?.logPosition, durable > place, durable.segment == pass.number { return false }
        guard let first = try pass.reader.firstNonZero() else { return true }
        if try pass.reader.frameProvingDamage() != nil { return false }
        report.remarks.append(
            "\(pass.name), offset \(place.offset): the log ends with the torn remains of commits that were never acknowledged, "
                + "from offset \(first) on: the next opening cuts them off")
        return true
    }

    private func checkMessage(_ place: LogPosition, _ pass: Pass) {
        do throws(StoreError) {
            if isLocked { return }
            let size = try MessageBody.verifiedSize(place, tag: pass.tag, file: pass.file, cipher, pass.dictionaries)
            log.locations.append(place.rawValue)
            log.sizes.append(size)
        } catch {
            report.add(.message, pass.name, Int(place.offset), error.message, .repair)
        }
    }

    private func checkDictionary(_ place: LogPosition, _ pass: Pass) {
        // Elsewhere it counts for nothing.
        guard Int(place.offset) == SegmentHeader.size else { return }
        do throws(StoreError) {
            _ = try pass.dictionaries.of(pass.number, pass.file)
            if cipher != nil || isLocked { throw StoreError(.corrupt, "a dictionary in the clear, in an encrypted store") }
        } catch {
            report.add(.frame, pass.name, Int(place.offset), error.message, .repair)
        }
    }

    // MARK: Commits

    private func checkCommit(_ frame: LogReader.Frame, _ place: LogPosition, _ pass: inout Pass) {
        let payload = UnsafeRawBufferPointer(rebasing: frame.payload!.bytes[..<Int(frame.header.length)])
        func fail(_ text: String) {
            report.add(.commit, pass.name, Int(place.offset), text, .repair)
            stopReplay()
        }
        let head: CommitHeader
        do throws(FormatError) {
            head = try CommitHeader(payload)
        } catch {
            return fail(error.description)
        }
        pass.footer.commits += 1
        pass.footer.lastModSeq = head.modSeq
        if pass.footer.firstModSeq == 0 { pass.footer.firstModSeq = head.modSeq }
        if let block = superblock, (head.modSeq <= block.modSeq) != (place < block.logPosition) {
            report.add(
                .superblock, FileNames.superblock, nil,
                "commit \(head.modSeq) stands at \(place): on the wrong side of its position \(block.logPosition)",
                .rebuildIndex)
        }
        defer { log.lastCommit = head.modSeq }
        // Segments below the base are there for their bodies: what their commits say is in the base.
        if place.segment < log.firstSegment {
            if !isLocked, let problem = StoreCheck.problem(ofRecordsIn: payload, head, cipher) {
                report.add(.commit, pass.name, Int(place.offset), problem, .repair)
            }
            return
        }
        guard head.modSeq == log.lastCommit &+ 1 else { return fail("commit \(head.modSeq) follows commit \(log.lastCommit)") }
        guard log.replay != nil else {
            if !isLocked, let problem = StoreCheck.problem(ofRecordsIn: payload, head, cipher) { fail(problem) }
            return
        }
        do throws(StoreError) {
            try log.replay!.apply(payload, at: place, previousEnd: pass.previousEnd)
            compareIfCheckpoint()
        } catch {
            // The place stands before the message already.
            fail(StoreCheck.withoutPlace(error.message, place))
        }
    }

    private static func withoutPlace(_ message: String, _ place: LogPosition) -> String {
        let prefix = "\(FileNames.segment(place.segment)), offset \(place.offset): "
        return message.hasPrefix(prefix) ? String(message.dropFirst(prefix.count)) : message
    }

    /// What is wrong with records that nothing can be applied to.
    static func problem(
        ofRecordsIn payload: UnsafeRawBufferPointer, _ head: CommitHeader, _ cipher: StoreCipher?
    ) -> String? {
        do {
            let records = try Replay.records(of: payload, head, cipher)
            defer { withExtendedLifetime(records.block) {} }
            var reader = ByteReader(records.bytes)
            for _ in 0..<head.records { _ = try Record.decode(&reader) }
        } catch {
            return (error as? StoreError)?.message ?? "\(error)"
        }
        return nil
    }

    // MARK: The end

    /// What stands behind the frames of a segment that another one follows.
    private func checkEnd(_ pass: inout Pass) throws(StoreError) {
        let end = pass.end!
        var reader = LogReader(file: pass.file, segment: pass.number, tag: pass.tag, from: end, limit: pass.size)
        guard case .frame(let frame) = try reader.next(), frame.header.kind == FrameKind.footer.rawValue else {
            reader.skip(to: end)
            if let first = try reader.firstNonZero() {
                report.add(
                    .footer, pass.name, end, "its footer does not hold (offset \(first)); a crash can leave that, too", .open)
            } else if pass.isSound {
                log.unsealed.append(pass.number)
            }
            return
        }
        log.lastSealed = pass.number
        if let first = try reader.firstNonZero() {
            report.add(.segment, pass.name, first, "bytes stand behind the footer", .open)
        } else if reader.offset < pass.size {
            report.remarks.append("\(pass.name): zeros stand behind the footer")
        }
        // Where a frame is damaged, the digest cannot be right, and nothing new is said by that.
        guard pass.isSound else { return }
        do throws(FormatError) {
            let payload = frame.payload!.bytes[..<Int(frame.header.length)]
            let footer = try SegmentFooter(UnsafeRawBufferPointer(rebasing: payload))
            pass.footer.digest = footer.digest
            guard footer == pass.footer else {
                throw .invalid(
                    "it counts \(footer.commits) commits and \(footer.messages) messages of \(footer.messageBytes) bytes; "
                        + "there are \(pass.footer.commits), \(pass.footer.messages) and \(pass.footer.messageBytes)")
            }
        } catch {
            report.add(.footer, pass.name, end, error.description, .repair)
            return
        }
        if try Store.digest(pass.file, 0..<end) != pass.footer.digest {
            report.add(.footer, pass.name, end, "its SHA-256 is not that of the segment", .repair)
        }
    }
}
