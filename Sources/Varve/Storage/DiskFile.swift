import Glibc

/// A file of the operating system, closed with its last reference.
final class DiskFile: File {
    private let descriptor: Int32
    private let path: String
    /// The kernel takes at most 1024 buffers in one call (IOV_MAX).
    private static let maximumBuffers = 1024

    init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    func size() throws(StoreError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("look at", path) }
        return Int(status.st_size)
    }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        var done = 0
        while done < buffer.count {
            let count = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("read", path)
            }
            done += count
        }
        return done
    }

    func write(at offset: Int, _ buffers: [UnsafeRawBufferPointer]) throws(StoreError) {
        var vectors = buffers.lazy.filter { !$0.isEmpty }.map {
            iovec(iov_base: UnsafeMutableRawPointer(mutating: $0.baseAddress), iov_len: $0.count)
        } as [iovec]
        var at = offset
        var first = 0
        while first < vectors.count {
            let count = min(vectors.count - first, DiskFile.maximumBuffers)
            let written = vectors.withUnsafeBufferPointer {
                pwritev(descriptor, $0.baseAddress! + first, Int32(count), off_t(at))
            }
            if written < 0 {
                if errno == EINTR { continue }
                throw failure("write", path)
            }
            guard written > 0 else { throw failure("write", path, EIO) }
            // A short write is no error: the call is repeated for what is left.
            at += written
            var left = written
            while first < vectors.count, left >= vectors[first].iov_len {
                left -= vectors[first].iov_len
                first += 1
            }
            if left > 0 {
                vectors[first].iov_base += left
                vectors[first].iov_len -= left
            }
        }
    }

    func allocate(_ size: Int) throws(StoreError) {
        while true {
            let code = posix_fallocate(descriptor, 0, off_t(size))
            if code == 0 { return }
            if code != EINTR { throw failure("grow", path, code) }
        }
    }

    func truncate(_ size: Int) throws(StoreError) {
        guard retrying({ ftruncate(descriptor, off_t(size)) }) == 0 else { throw failure("truncate", path) }
    }

    func sync() throws(StoreError) {
        guard fdatasync(descriptor) == 0 else { throw failure("sync", path) }
    }

    func map(_ length: Int, writable: Bool) throws(StoreError) -> any Mapping {
        let protection = PROT_READ | (writable ? PROT_WRITE : 0)
        guard let base = mmap(nil, length, protection, MAP_SHARED, descriptor, 0), base != MAP_FAILED else {
            throw failure("map", path)
        }
        return DiskMapping(base: base, length: length)
    }
}

private final class DiskMapping: Mapping, @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let length: Int

    init(base: UnsafeMutableRawPointer, length: Int) {
        self.base = base
        self.length = length
    }

    deinit { munmap(base, length) }
}
