import VarveFormat

/// The segment that a commit stands in.
struct CommitPlace {
    var segment: UInt32
    /// Where the frames of the segment before it end; 0 in the first one.
    var previousEnd: UInt32
}

extension IndexWriter {
    /// Notes the segment that this transaction is the first one of.
    func noteSegment() throws(StoreError) {
        guard place.segment != state.lastSegment else { return }
        guard place.segment > state.lastSegment else {
            throw .corrupt("segment \(place.segment)", "its commits follow those of segment \(state.lastSegment)")
        }
        let before = SegmentCell(number: place.segment - 1, end: place.previousEnd)
        // The one before may have been given up since.
        if before.number > 0, try hasSegment(before) { try setSegment(before) }
        try setSegment(SegmentCell(number: place.segment, end: 0))
        state.lastSegment = place.segment
    }

    func hasSegment(_ cell: SegmentCell) throws(StoreError) -> Bool {
        try cell.key.withBytes { key throws(StoreError) in try state.segments.find(key, allocator.pages) != nil }
    }

    func setSegment(_ cell: SegmentCell) throws(StoreError) {
        try cell.key.withBytes { key throws(StoreError) in
            try cell.value.withBytes { value throws(StoreError) in
                try state.segments.set(key, to: value, allocator)
            }
        }
    }

    // MARK: Compaction

    /// Lets the rows that point to a body point to its copy. Changes nothing that a reader can see.
    ///
    /// Rows of expunged messages are named too, as long as somebody is shown them. Whether they are still there when the log
    /// is read again depends on who read then.
    func relocate(_ record: RelocateRecord) throws(StoreError) {
        var isThere = record.to.segment == place.segment
        if !isThere { isThere = try hasSegment(SegmentCell(number: record.to.segment, end: 0)) }
        guard isThere, record.to.offset >= UInt32(SegmentHeader.size) else {
            throw .corrupt("identity \(record.identity)", "it is copied to \(record.to), where no segment is")
        }
        var size: UInt32?
        for row in record.rows {
            let key = MessageRow.key(mailbox: row.mailbox, uid: row.uid)
            guard let (leaf, index) = try state.uid.find(key, allocator.pages) else {
                guard let mailbox = try mailbox(row.mailbox), row.uid < mailbox.uidNext else {
                    throw .corrupt("mailbox \(row.mailbox)", "the body of UID \(row.uid) is copied, which never was there")
                }
                continue
            }
            let found = MessageRow(leaf, index)
            guard found.identity == record.identity, found.location == record.from else {
                throw .corrupt(
                    "mailbox \(row.mailbox)",
                    "UID \(row.uid) is message \(found.identity) at \(found.location); the body of \(record.identity) at "
                        + "\(record.from) is copied")
            }
            size = found.size
            try state.uid.update(key, key, allocator, where: { _, _ in true }) { leaf, rows in
                for row in rows { leaf.store64(record.to.rawValue, RowLayout.uid.cold(row) + 8) }
                return .zero
            }
        }
        if let size { state.addDead(messages: 1, bytes: UInt64(size)) }
    }

    /// Segments that no body is read from any more, and whose commits a base has made needless.
    func dropSegments(_ numbers: [UInt32]) throws(StoreError) {
        for number in numbers {
            let key = SegmentCell(number: number, end: 0).key
            let end = try key.withBytes { key throws(StoreError) -> UInt32? in
                guard let value = try state.segments.find(key, allocator.pages) else { return nil }
                return value.count >= 4 ? value.baseAddress!.load32(0) : 0
            }
            guard number < place.segment else {
                throw .corrupt("segment \(number)", "it is given up, and written to")
            }
            // The base that a replay began with may not have named it any more.
            guard let end else { continue }
            _ = try key.withBytes { key throws(StoreError) in try state.segments.remove(key, allocator) }
            state.deadBytes -= min(state.deadBytes, UInt64(end))
        }
    }
}
