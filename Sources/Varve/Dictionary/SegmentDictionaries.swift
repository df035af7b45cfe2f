import VarveFormat

/// The dictionaries of a store's segments, read when they are needed.
final class SegmentDictionaries: Sendable {
    private let tag: UInt32
    private let loaded = LoadedDictionaries()
    /// All segments that may have the same dictionary as another one.
    private let segments: @Sendable () -> [SegmentFile]

    init(tag: UInt32, segments: @escaping @Sendable () -> [SegmentFile]) {
        self.tag = tag
        self.segments = segments
    }

    /// - Returns: the one that is to be used.
    func add(_ dictionary: CompressionDictionary) -> CompressionDictionary { loaded.add(dictionary) }

    /// The dictionary of a segment; nil if it has none.
    func of(_ segment: UInt32, _ file: any File) throws(StoreError) -> CompressionDictionary? {
        try CompressionDictionary.of(segment, file, tag: tag).map { loaded.add($0) }
    }

    /// The dictionary that a message names: its segment's. If that is damaged, another segment may have the same.
    /// - Complexity: no lock; reads that segment's first frame the first time.
    func find(_ number: UInt32, _ message: StoredBytes) throws(StoreError) -> CompressionDictionary {
        if let known = loaded.find(number) { return known }
        var failure: StoreError?
        do throws(StoreError) {
            if let found = try of(message.location.segment, message.file), found.number == number { return found }
        } catch {
            failure = error
        }
        for segment in segments() where segment.number != message.location.segment {
            if let file = try? segment.file(), let found = try? of(segment.number, file), found.number == number { return found }
        }
        throw failure ?? message.damage("a dictionary \(number) that no segment has")
    }
}
