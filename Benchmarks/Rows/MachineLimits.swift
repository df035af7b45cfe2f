import BenchContest
import CLZ4
import Foundation

/// What the machine can do for the work of a row, measured beside it.
enum MachineLimits {
    /// Seconds of one write and one `fdatasync` on a file whose bytes were written before.
    /// - Parameter bytes: of one write. - Parameter count: how many are made; the median is told.
    static func durableWrite(bytes: Int, count: Int, in folder: String) throws -> Double {
        let path = folder + "/limit"
        let file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        guard file >= 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        defer {
            Glibc.close(file)
            unlink(path)
        }
        let zeros = [UInt8](repeating: 0, count: bytes * count)
        let block = [UInt8](repeating: 0x5A, count: bytes)
        guard pwrite(file, zeros, zeros.count, 0) == zeros.count, fsync(file) == 0 else {
            throw POSIXError(.init(rawValue: errno) ?? .EIO)
        }
        var latencies = Latencies()
        for index in 0..<count {
            let isWritten = latencies.measure { pwrite(file, block, bytes, off_t(index * bytes)) == bytes && fdatasync(file) == 0 }
            guard isWritten else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        }
        return latencies.median
    }

    /// Seconds of a copy of so many bytes, made before: as far as caches hold them they have them.
    static func copy(bytes: Int, count: Int = 5) -> Double {
        let source = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 4096)
        let target = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 4096)
        defer {
            source.deallocate()
            target.deallocate()
        }
        memset(source.baseAddress!, 1, bytes)
        memset(target.baseAddress!, 2, bytes)
        var latencies = Latencies()
        // Small copies are too short for the clock.
        let rounds = max(1, (1 << 20) / max(bytes, 1))
        for _ in 0..<count {
            latencies.measure {
                for round in 0..<rounds {
                    target.copyMemory(from: UnsafeRawBufferPointer(source))
                    // Whoever compiles this must not see that the copies are all the same.
                    used(target.baseAddress! + round % bytes)
                }
            }
        }
        return latencies.median / Double(rounds)
    }

    @inline(never) @_optimize(none) private static func used(_ bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: bytes.load(as: UInt8.self) &+ 1, as: UInt8.self)
    }

    /// Seconds of compressing one message by LZ4.
    static func compress(_ message: [UInt8], count: Int = 20_000) -> Double {
        var out = [CChar](repeating: 0, count: Int(LZ4_compressBound(Int32(message.count))))
        let seconds = seconds {
            for _ in 0..<count {
                _ = message.withUnsafeBytes {
                    LZ4_compress_default($0.baseAddress!.assumingMemoryBound(to: CChar.self), &out, Int32(message.count), Int32(out.count))
                }
            }
        }
        return seconds / Double(count)
    }
}
