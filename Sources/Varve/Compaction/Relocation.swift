import MailModel
import VarveFormat

/// A row that points into a segment which is to be given up.
struct BodyRow {
    var location: LogPosition
    var identity: UInt64
    var key: RelocateRecord.RowKey
    var isDead: Bool
}

/// A message frame as it was read, its checksum having been found to hold.
struct StoredFrame {
    let kind: FrameKind
    let payload: ByteBlock
    let length: Int
    /// CRC-32C of payload and fill.
    let checksum: UInt32
    /// What it is compressed with: to another segment it goes as it is only where that has the same.
    let dictionary: CompressionDictionary?
    /// Small, in the clear, and seen to inflate: it can be compressed anew.
    let canBeCompressed: Bool

    /// - Throws: `.corrupt` if no valid message frame stands there.
    init(
        at position: LogPosition, in file: any File, tag: UInt32, _ dictionaries: SegmentDictionaries
    ) throws(StoreError) {
        let place = "\(FileNames.segment(position.segment)), offset \(position.offset)"
        let head = ByteBlock(capacity: FrameHeader.size)
        let size = try file.size()
        guard try file.read(at: Int(position.offset), into: head.bytes) == FrameHeader.size,
            let header = FrameHeader(
                UnsafeRawPointer(head.bytes.baseAddress!), at: position, tag: tag,
                limit: max(0, size - Int(position.offset))),
            let kind = FrameKind(rawValue: header.kind), kind.isMessage
        else { throw .corrupt(place, "no message frame") }
        let block = ByteBlock(capacity: header.frameLength - FrameHeader.size)
        guard try file.read(at: Int(position.offset) + FrameHeader.size, into: block.bytes) == block.bytes.count else {
            throw .corrupt(place, "the segment ends within the message")
        }
        checksum = crc32c(0, UnsafeRawBufferPointer(block.bytes))
        let rest = UnsafeRawBufferPointer(rebasing: head.bytes[4...])
        guard crc32c(checksum, rest) == head.bytes.baseAddress!.load32(0) else {
            throw .corrupt(place, "the checksum of the message frame does not hold")
        }
        self.kind = kind
        payload = block
        length = Int(header.length)
        let bytes = UnsafeRawBufferPointer(rebasing: block.bytes[..<length])
        guard kind == .smallMessage else {
            dictionary = nil
            canBeCompressed = false
            return
        }
        let frame = StoredBytes(position, file)
        let small: SmallMessageHead
        do throws(FormatError) { small = try SmallMessageHead(bytes) } catch { throw frame.damage(error) }
        canBeCompressed = small.seal == nil
        dictionary = canBeCompressed ? try StoredFrame.dictionary(bytes, small, frame, dictionaries) : nil
    }

    /// - Returns: that of the message, if it has one; with or without, it was seen to inflate.
    private static func dictionary(
        _ payload: UnsafeRawBufferPointer, _ head: SmallMessageHead, _ place: StoredBytes,
        _ dictionaries: SegmentDictionaries
    ) throws(StoreError) -> CompressionDictionary? {
        if head.isPlain { return nil }
        let dictionary = head.dictionary == 0 ? nil : try dictionaries.find(head.dictionary, place)
        let stored = UnsafeRawBufferPointer(rebasing: payload[head.size...])
        let inflates = CompressionWorkspace.with {
            $0.inflate(stored, length: head.contentLength, wanted: head.contentLength, with: dictionary) != nil
        }
        guard inflates else { throw place.damage("the message does not inflate") }
        return dictionary
    }
}

extension IndexState {
    /// Rows that point into one of these segments.
    /// - Complexity: O(messages).
    func rows(
        in segments: Set<UInt32>, _ pages: borrowing Pages, step: () throws(StoreError) -> Void
    ) throws(StoreError) -> [BodyRow] {
        var result: [BodyRow] = []
        var failure: StoreError?
        var leaves = 0
        try uid.forEachLeaf(0, .max, pages) { leaf, rows in
            IndexState.collect(leaf, rows, segments, &result)
            leaves += 1
            guard leaves % 1024 == 0 else { return true }
            do throws(StoreError) { try step() } catch { failure = error }
            return failure == nil
        }
        if let failure { throw failure }
        return result
    }

    /// The same among the messages that changed or were expunged after a commit: a copy is a change of its mailbox.
    /// - Parameter limit: of rows that may be looked at.
    /// - Returns: nil if there are more.
    /// - Complexity: O(what changed).
    func rows(
        in segments: Set<UInt32>, changedSince modSeq: UInt64, limit: Int, _ pages: borrowing Pages
    ) throws(StoreError) -> [BodyRow]? {
        var mailboxes: [UInt32] = []
        try mailboxChanges.forEachLeaf(MailboxChangeRow.key(modSeq: modSeq + 1, mailbox: 0), .max, pages) { leaf, rows in
            for row in rows {
                mailboxes.append(MailboxChangeRow.mailbox(RowTree<MailboxChangesSchema>.key(leaf, row)))
            }
            return true
        }
        var result: [BodyRow] = []
        var left = limit
        for mailbox in mailboxes {
            let changed = try changed.ranges(of: mailbox, from: modSeq + 1, through: .max, pages)
            let vanished = try vanished.ranges(of: mailbox, from: modSeq + 1, through: .max, pages)
            for range in changed + vanished {
                try uid.forEachLeaf(
                    MessageRow.key(mailbox: mailbox, uid: range.first.rawValue),
                    MessageRow.key(mailbox: mailbox, uid: range.last.rawValue), pages
                ) { leaf, rows in
                    IndexState.collect(leaf, rows, segments, &result)
                    left -= rows.count
                    return left > 0
                }
                if left <= 0 { return nil }
            }
        }
        return result
    }

    private static func collect(
        _ leaf: UnsafeRawPointer, _ rows: Range<Int>, _ segments: Set<UInt32>, _ result: inout [BodyRow]
    ) {
        for row in rows {
            let location = LogPosition(rawValue: MessageRow.location(leaf, row))
            guard segments.contains(location.segment) else { continue }
            let key = RowTree<UIDSchema>.key(leaf, row)
            result.append(
                BodyRow(
                    location: location, identity: MessageRow.identity(leaf, row),
                    key: RelocateRecord.RowKey(
                        mailbox: UInt32(truncatingIfNeeded: key >> 32), uid: UInt32(truncatingIfNeeded: key)),
                    isDead: MessageRow.flags(leaf, row) & MessageRow.deadBit != 0))
        }
    }
}

extension Transaction {
    /// Lets the rows that still point to a body point to a copy of it, made here or before.
    /// - Parameters:
    ///   - rows: of one body.
    ///   - message: nil if the copy is `known`.
    /// - Returns: where the copy is; nil if nobody needs one any more.
    func relocate(
        _ rows: ArraySlice<BodyRow>, _ message: PreparedMessage?, known: LogPosition?
    ) throws(StoreError) -> LogPosition? {
        guard let first = rows.first else { return nil }
        var record = RelocateRecord(from: first.location, to: known ?? frames.position, identity: first.identity, rows: [])
        for row in rows {
            // It was looked at outside of the lock: it may have been expunged, or the mailbox deleted.
            let key = MessageRow.key(mailbox: row.key.mailbox, uid: row.key.uid)
            guard let (leaf, index) = try index.state.uid.find(key, index.allocator.pages) else { continue }
            let found = MessageRow(leaf, index)
            if found.location == first.location, found.identity == first.identity { record.rows.append(row.key) }
        }
        guard !record.rows.isEmpty else { return nil }
        try changing { () throws(StoreError) in
            if known == nil, let message {
                let message = fitted(message)
                guard frames.hasRoom(payload: message.payloadLength) else {
                    throw StoreError(.limit, "the transaction is too large; make several of it")
                }
                frames.add(
                    message.kind, payload: message.payload, length: message.payloadLength, checksum: message.checksum)
            }
            try index.relocate(record)
            try add(.relocate(record))
        }
        return record.to
    }

    func dropSegments(_ numbers: [UInt32]) throws(StoreError) {
        try changing { () throws(StoreError) in
            try index.dropSegments(numbers)
            try add(.dropSegments(numbers))
        }
    }
}
