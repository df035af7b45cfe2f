import Synchronization
import VarveFormat

/// A segment's file for reading, opened when it is first read.
final class SegmentFile: Sendable {
    final class OpenFile: Sendable {
        let file: any File
        init(_ file: any File) { self.file = file }
    }

    let number: UInt32
    private let path: String
    private let fileSystem: any FileSystem
    private let opened = AtomicLazyReference<OpenFile>()

    init(number: UInt32, path: String, fileSystem: any FileSystem, file: (any File)? = nil) {
        self.number = number
        self.path = path
        self.fileSystem = fileSystem
        if let file { _ = opened.storeIfNil(OpenFile(file)) }
    }

    /// - Complexity: no lock; a system call the first time.
    func file() throws(StoreError) -> any File {
        if let file = opened.load() { return file.file }
        do {
            return opened.storeIfNil(OpenFile(try fileSystem.open(path, create: false, writable: false))).file
        } catch {
            // Every segment in the table was there, or is known to have been.
            throw error.kind == .notFound ? .corrupt(path, "the segment is missing") : error
        }
    }
}

/// The segments that a state of the account can refer to.
struct SegmentTable: Sendable {
    /// Ascending in number. From the newest base's on there is no gap.
    private(set) var files: [SegmentFile]

    init(_ files: [SegmentFile]) { self.files = files }

    /// - Complexity: O(1) where no number is missing from that one on, else O(log segments).
    func file(_ number: UInt32) -> SegmentFile? {
        guard let last = files.last, number <= last.number else { return nil }
        let guess = files.count - 1 - Int(last.number - number)
        if guess >= 0, files[guess].number == number { return files[guess] }
        // Where numbers are missing, it stands farther back than its distance from the end says.
        var low = max(guess, 0)
        var high = files.count
        while low < high {
            let middle = (low + high) / 2
            if files[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low < files.count && files[low].number == number ? files[low] : nil
    }

    mutating func remove(_ numbers: Set<UInt32>) { files.removeAll { numbers.contains($0.number) } }

    mutating func append(_ file: SegmentFile) { files.append(file) }
}
