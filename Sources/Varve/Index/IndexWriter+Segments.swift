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
}
