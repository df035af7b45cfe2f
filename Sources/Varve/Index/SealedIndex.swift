import Synchronization
import VarveFormat

/// The index of an encrypted store: its pages lie in memory, where the trees change them; the file on disk has each of them
/// sealed (`Formats/encryption.md`). A page is opened when it is first looked at, and sealed anew by each checkpoint that
/// it is new to. Nothing else writes to the file: what the last checkpoint reaches is never written over.
///
/// To its callers it is a file of pages without seals.
final class SealedIndex: File, @unchecked Sendable {
    private let disk: any File
    private let memory: MemoryFile
    private let cipher: StoreCipher
    /// The index's number: a page of another index of the same store is none of this one.
    private let number: UInt64
    private let buffer: Mutex<Buffer>

    /// Room for a page as it is stored, and for it opened.
    private struct Buffer: @unchecked Sendable {
        let stored = ByteBlock(capacity: SealedPage.stride)
        let page = ByteBlock(capacity: Format.pageSize)
    }

    /// Address space that is set aside: an index in memory of 16 GiB has rows for a hundred million messages and more.
    private static let capacity = 16 << 30
    /// Pages that one write takes to the disk at most.
    private static let largestBatch = 64

    /// - Parameter number: that of the superblock's index.
    init(_ disk: any File, _ cipher: StoreCipher, number: UInt64) throws(StoreError) {
        self.disk = disk
        self.cipher = cipher
        self.number = number
        memory = try MemoryFile(capacity: SealedIndex.capacity)
        buffer = Mutex(Buffer())
    }

    // MARK: Pages

    /// The header page, which is not sealed, comes to where the others will be.
    func readHeader() throws(StoreError) {
        let page = ByteBlock(capacity: Format.pageSize)
        page.bytes.initializeMemory(as: UInt8.self, repeating: 0)
        _ = try disk.read(at: 0, into: page.bytes)
        try memory.write(at: 0, [UnsafeRawBufferPointer(page.bytes)])
        withExtendedLifetime(page) {}
    }

    func writeHeader(_ page: UnsafeRawPointer) throws(StoreError) {
        try disk.write(at: 0, [UnsafeRawBufferPointer(start: page, count: Format.pageSize)])
    }

    /// Brings a page into memory.
    /// - Parameters:
    ///   - isNeeded: asked when nobody else is bringing one.
    ///   - validate: looks at the page before anybody sees it.
    ///   - done: is called when it stands at `page`, with nobody else bringing one.
    func load(
        _ number: UInt32, into page: UnsafeMutableRawPointer, isNeeded: () -> Bool,
        _ validate: (UnsafeRawPointer) throws(FormatError) -> Void, done: () -> Void
    ) throws(StoreError) {
        try buffer.withLock { buffer throws(StoreError) in
            guard isNeeded() else { return }
            let place = "\(FileNames.index), page \(number)"
            let count = try disk.read(at: Int(number) * SealedPage.stride, into: buffer.stored.bytes)
            guard count == SealedPage.stride else { throw .corrupt(place, "the file ends before it") }
            let stored = UnsafeRawPointer(buffer.stored.bytes.baseAddress!)
            let target = buffer.page.bytes.baseAddress!
            let seal: Seal
            do throws(FormatError) {
                seal = try SealedPage.validate(stored, number: number, tag: cipher.store.tag)
            } catch {
                throw .corrupt(place, error)
            }
            let isGenuine = try cipher.open(
                UnsafeRawBufferPointer(start: stored, count: Format.pageSize),
                tag: stored + SealedPage.tagOffset, seal, part: 0, .page(number, index: self.number), into: target)
            guard isGenuine else { throw .corrupt(place, "it was not sealed with this store's key, or not for this place") }
            do throws(FormatError) { try validate(target) } catch { throw .corrupt(place, error) }
            page.copyMemory(from: target, byteCount: Format.pageSize)
            done()
        }
    }

    /// Seals pages and writes them to their places on disk, which nothing that is on disk refers to.
    /// - Parameters:
    ///   - numbers: ascending.
    ///   - base: where page 0 lies in memory.
    func store(_ numbers: [UInt32], from base: UnsafeRawPointer) throws(StoreError) {
        let batch = ByteBlock(capacity: SealedIndex.largestBatch * SealedPage.stride)
        let out = batch.bytes.baseAddress!
        var first = 0
        while first < numbers.count {
            var count = 0
            while first + count < numbers.count, count < SealedIndex.largestBatch,
                numbers[first + count] == numbers[first] + UInt32(count)
            {
                try seal(numbers[first + count], base, into: out + count * SealedPage.stride)
                count += 1
            }
            try disk.write(
                at: Int(numbers[first]) * SealedPage.stride,
                [UnsafeRawBufferPointer(start: out, count: count * SealedPage.stride)])
            first += count
        }
        withExtendedLifetime(batch) {}
    }

    private func seal(
        _ number: UInt32, _ base: UnsafeRawPointer, into out: UnsafeMutableRawPointer
    ) throws(StoreError) {
        let page = UnsafeRawBufferPointer(start: base + Int(number) * Format.pageSize, count: Format.pageSize)
        let seal = cipher.nextSeal()
        try cipher.seal(
            page, tag: out + SealedPage.tagOffset, seal, part: 0, .page(number, index: self.number), into: out)
        SealedPage.finish(out, number: number, seal: seal, tag: cipher.store.tag)
    }

    // MARK: File

    func size() throws(StoreError) -> Int { try disk.size() / SealedPage.stride * Format.pageSize }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        try memory.read(at: offset, into: buffer)
    }

    /// To memory; `store` brings pages to the disk.
    func write(at offset: Int, _ buffers: [UnsafeRawBufferPointer]) throws(StoreError) {
        try memory.write(at: offset, buffers)
    }

    /// Both there and here, so that a full disk is an error now, and not when a checkpoint writes.
    func allocate(_ size: Int) throws(StoreError) {
        try disk.allocate((size + Format.pageSize - 1) / Format.pageSize * SealedPage.stride)
        try memory.allocate(size)
    }

    func truncate(_ size: Int) throws(StoreError) {
        try disk.truncate((size + Format.pageSize - 1) / Format.pageSize * SealedPage.stride)
        try memory.truncate(size)
    }

    func sync() throws(StoreError) { try disk.sync() }

    func map(_ length: Int, writable: Bool) throws(StoreError) -> any Mapping {
        try memory.map(length, writable: writable)
    }
}
