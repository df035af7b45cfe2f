import Foundation

/// The input that is about to be read, in a file that outlives the process: its round, its length, its bytes.
final class InputNote {
    private static let size = 1 << 17
    private let base: UnsafeMutableRawPointer

    init(_ path: String) throws {
        let descriptor = open(path, O_RDWR | O_CREAT, 0o600)
        guard descriptor >= 0, ftruncate(descriptor, off_t(InputNote.size)) == 0,
            let base = mmap(nil, InputNote.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), base != MAP_FAILED
        else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        close(descriptor)
        self.base = base
    }

    deinit { munmap(base, InputNote.size) }

    func write(round: Int, _ input: [UInt8]) {
        let count = min(input.count, InputNote.size - 16)
        base.storeBytes(of: round, as: Int.self)
        base.storeBytes(of: count, toByteOffset: 8, as: Int.self)
        input.withUnsafeBytes { (base + 16).copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(base), byteCount: count) }
    }

    func read() -> (round: Int, input: [UInt8]) {
        let count = base.load(fromByteOffset: 8, as: Int.self)
        return (base.load(as: Int.self), Array(UnsafeRawBufferPointer(start: base + 16, count: count)))
    }
}
