import CLZ4
import Glibc
import VarveFormat

/// Memory in which a thread compresses and inflates small messages: room for one, and right before it, where LZ4 looks behind the
/// message's own begin, the dictionary that was used last. A dictionary that lies elsewhere makes inflating three times as slow.
///
/// Each thread that needs one keeps one, 130 KiB, until it ends.
final class CompressionWorkspace {
    /// Summary and body of a small message have room.
    static let contentSize = 2 * Format.smallMessageSize

    private let memory: UnsafeMutableRawPointer
    /// Which dictionary stands before the content; 0: none.
    private var token: UInt64 = 0

    private static let stateSize = MemoryLayout<LZ4_stream_t>.size
    private static let contentOffset = DictionaryHead.maximumContent
    /// LZ4's state after it has looked at the dictionary, and one to work with.
    private static let preparedOffset = contentOffset + contentSize
    private static let stateOffset = (preparedOffset + stateSize + 15) & ~15

    private init() {
        memory = .allocate(byteCount: CompressionWorkspace.stateOffset + CompressionWorkspace.stateSize, alignment: 16)
    }

    deinit { memory.deallocate() }

    /// Where a message's content stands, `contentSize` bytes.
    var content: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(
            start: memory + CompressionWorkspace.contentOffset, count: CompressionWorkspace.contentSize)
    }

    private var prepared: UnsafeMutableRawPointer { memory + CompressionWorkspace.preparedOffset }
    private var state: UnsafeMutablePointer<LZ4_stream_t> {
        (memory + CompressionWorkspace.stateOffset).assumingMemoryBound(to: LZ4_stream_t.self)
    }

    // MARK: The thread's own

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let code = pthread_key_create(&key) { Unmanaged<CompressionWorkspace>.fromOpaque($0!).release() }
        precondition(code == 0, "no key for a thread's memory")
        return key
    }()

    /// Calls `body` with the thread's workspace; called within such a call, with another one.
    static func with<R, E: Error>(_ body: (CompressionWorkspace) throws(E) -> R) throws(E) -> R {
        let key = key
        let kept = pthread_getspecific(key).map { Unmanaged<CompressionWorkspace>.fromOpaque($0) }
        if kept != nil { pthread_setspecific(key, nil) }
        let workspace = kept?.takeRetainedValue() ?? CompressionWorkspace()
        defer {
            if pthread_getspecific(key) == nil { pthread_setspecific(key, Unmanaged.passRetained(workspace).toOpaque()) }
        }
        return try body(workspace)
    }

    // MARK: With a dictionary

    private func use(_ dictionary: CompressionDictionary) {
        guard token != dictionary.token else { return }
        token = dictionary.token
        prepared.copyMemory(from: dictionary.prepared.baseAddress!, byteCount: CompressionWorkspace.stateSize)
        // Copies the content, and lets the state look for it there.
        let size = Int32(dictionary.content.bytes.count)
        let copied = LZ4_saveDict(
            prepared.assumingMemoryBound(to: LZ4_stream_t.self), dictionaryStart(dictionary), size)
        precondition(copied == size, "LZ4 knows another dictionary than it was given")
    }

    private func dictionaryStart(_ dictionary: CompressionDictionary) -> UnsafeMutablePointer<CChar> {
        (memory + CompressionWorkspace.contentOffset - dictionary.content.bytes.count).assumingMemoryBound(to: CChar.self)
    }

    /// Compresses the first bytes of the content.
    /// - Parameter out: has room for as many bytes.
    /// - Returns: how many there are; 0 if they do not shrink.
    func compress(_ count: Int, with dictionary: CompressionDictionary?, into out: UnsafeMutableRawPointer) -> Int {
        guard count > 1 else { return 0 }
        let source = UnsafePointer(content.baseAddress!.assumingMemoryBound(to: CChar.self))
        let target = out.assumingMemoryBound(to: CChar.self)
        guard let dictionary else { return Int(LZ4_compress_default(source, target, Int32(count), Int32(count - 1))) }
        use(dictionary)
        UnsafeMutableRawPointer(state).copyMemory(from: prepared, byteCount: CompressionWorkspace.stateSize)
        return Int(LZ4_compress_fast_continue(state, source, target, Int32(count), Int32(count - 1), 1))
    }

    /// Inflates a block.
    /// - Parameters:
    ///   - length: of the whole block when it is inflated.
    ///   - wanted: bytes from its begin.
    /// - Returns: the bytes, in the content; nil if the block does not make so many.
    func inflate(
        _ stored: UnsafeRawBufferPointer, length: Int, wanted: Int, with dictionary: CompressionDictionary?
    ) -> UnsafeRawBufferPointer? {
        precondition(wanted <= length && length <= CompressionWorkspace.contentSize)
        guard let from = stored.baseAddress else { return nil }
        let source = from.assumingMemoryBound(to: CChar.self)
        let target = content.baseAddress!.assumingMemoryBound(to: CChar.self)
        let (count, size) = (Int32(stored.count), Int32(wanted))
        let made: Int32
        if let dictionary {
            use(dictionary)
            let start = UnsafePointer(dictionaryStart(dictionary))
            let behind = Int32(dictionary.content.bytes.count)
            made = wanted == length
                ? LZ4_decompress_safe_usingDict(source, target, count, size, start, behind)
                : LZ4_decompress_safe_partial_usingDict(source, target, count, size, size, start, behind)
        } else {
            made = wanted == length
                ? LZ4_decompress_safe(source, target, count, size)
                : LZ4_decompress_safe_partial(source, target, count, size, size)
        }
        return made == size ? UnsafeRawBufferPointer(rebasing: content[..<wanted]) : nil
    }
}
