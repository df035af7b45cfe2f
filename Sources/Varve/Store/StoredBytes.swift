import CLZ4
import VarveFormat

/// Where a message's bytes are stored, and how they are made what they were.
struct StoredBytes: Sendable {
    let location: LogPosition
    let file: any File
    let cipher: StoreCipher?

    init(_ location: LogPosition, _ file: any File, _ cipher: StoreCipher? = nil) {
        self.location = location
        self.file = file
        self.cipher = cipher
    }

    private var place: String { "\(FileNames.segment(location.segment)), offset \(location.offset)" }

    func damage(_ text: String) -> StoreError { .corrupt(place, text) }
    func damage(_ error: FormatError) -> StoreError { .corrupt(place, error) }

    /// A message is sealed in an encrypted store, and in no other.
    func checkSealed(_ isSealed: Bool) throws(StoreError) {
        guard isSealed != (cipher != nil) else { return }
        throw damage(cipher == nil ? "a sealed message in a store that is not encrypted" : "a message in the clear")
    }

    /// Unpacks a piece into `target`, as many bytes as it has room for from their begin.
    /// - Parameters:
    ///   - length: of the whole piece when it is unpacked.
    ///   - name: how errors call the piece.
    func unpack(
        _ stored: UnsafeRawBufferPointer, isPlain: Bool, length: Int, _ name: @autoclosure () -> String,
        into target: UnsafeMutableRawBufferPointer
    ) throws(StoreError) {
        guard target.count > 0 else { return }
        if isPlain {
            guard stored.count >= target.count else { throw damage("\(name()) is cut off") }
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: stored[..<target.count]))
            return
        }
        guard let from = stored.baseAddress else { throw damage("\(name()) does not inflate") }
        let source = from.assumingMemoryBound(to: CChar.self)
        let out = target.baseAddress!.assumingMemoryBound(to: CChar.self)
        let wanted = Int32(target.count)
        let done =
            target.count == length
            ? LZ4_decompress_safe(source, out, Int32(stored.count), wanted)
            : LZ4_decompress_safe_partial(source, out, Int32(stored.count), wanted, wanted)
        guard done == wanted else { throw damage("\(name()) does not inflate") }
    }
}
