import Synchronization

/// What messages are compressed with when they are made ready, without the writer's lock: the dictionary of the segment to which
/// they will most likely go.
final class PreparingDictionary: Sendable {
    private let state = Mutex<(isKnown: Bool, dictionary: CompressionDictionary?)>((false, nil))

    /// - Parameter find: looks it up, the first time.
    func current(_ find: () -> CompressionDictionary?) -> CompressionDictionary? {
        state.withLock { state in
            if !state.isKnown { state = (true, find()) }
            return state.dictionary
        }
    }

    func set(_ dictionary: CompressionDictionary?) { state.withLock { $0 = (true, dictionary) } }
}
