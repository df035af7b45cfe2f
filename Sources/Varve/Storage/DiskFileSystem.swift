import Glibc

/// Files of the operating system.
public struct DiskFileSystem: FileSystem {
    public init() {}

    public func open(_ path: String, create: Bool, writable: Bool) throws(StoreError) -> any File {
        let flags = (writable ? O_RDWR : O_RDONLY) | (create ? O_CREAT : 0) | O_CLOEXEC
        let descriptor = retrying { Glibc.open(path, flags, 0o600) }
        guard descriptor >= 0 else { throw failure("open", path) }
        return DiskFile(descriptor: descriptor, path: path)
    }

    public func exists(_ path: String) throws(StoreError) -> Bool {
        if access(path, F_OK) == 0 { return true }
        if errno == ENOENT { return false }
        throw failure("look for", path)
    }

    public func createDirectory(_ path: String) throws(StoreError) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure("create folder", path) }
    }

    public func list(_ path: String) throws(StoreError) -> [String] {
        guard let directory = opendir(path) else { throw failure("list", path) }
        defer { closedir(directory) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(directory) else {
                if errno != 0 { throw failure("list", path) }
                return names
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
    }

    public func remove(_ path: String) throws(StoreError) {
        guard unlink(path) == 0 else { throw failure("remove", path) }
    }

    public func rename(_ from: String, to: String) throws(StoreError) {
        guard Glibc.rename(from, to) == 0 else { throw failure("rename", from) }
    }

    public func link(_ from: String, to: String) throws(StoreError) -> Bool {
        if Glibc.link(from, to) == 0 { return true }
        switch errno {
        // Another file system; one without links, or no right to make one; no more of them for this file.
        case EXDEV, EPERM, EOPNOTSUPP, EMLINK: return false
        default: throw failure("link", from)
        }
    }

    public func syncDirectory(_ path: String) throws(StoreError) {
        let descriptor = retrying { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw failure("open folder", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("sync folder", path) }
    }

    public func lock(_ path: String) throws(StoreError) -> any FileLock {
        let descriptor = retrying { Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600) }
        guard descriptor >= 0 else { throw failure("open", path) }
        guard retrying({ flock(descriptor, LOCK_EX | LOCK_NB) }) == 0 else {
            let code = errno
            // Readers leave no name.
            let isRead = code == EWOULDBLOCK && retrying({ flock(descriptor, LOCK_SH | LOCK_NB) }) == 0
            defer { close(descriptor) }
            if isRead { throw StoreError(.locked, "\(path): the store is being read or checked by another process") }
            throw DiskFileSystem.lockFailure(path, descriptor, code)
        }
        // For the message above only; the lock itself is the kernel's and ends with the process.
        // As long as any before it, so that nothing of that is left; to make a file shorter takes longer than all the rest.
        var process = Array("\(getpid())\n".utf8)
        process += [UInt8](repeating: 10, count: max(0, 16 - process.count))
        _ = pwrite(descriptor, process, process.count, 0)
        return DiskLock(descriptor: descriptor)
    }

    public func lockForReading(_ path: String) throws(StoreError) -> (any FileLock)? {
        let descriptor = retrying { Glibc.open(path, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("open", path)
        }
        guard retrying({ flock(descriptor, LOCK_SH | LOCK_NB) }) == 0 else {
            let code = errno
            defer { close(descriptor) }
            throw DiskFileSystem.lockFailure(path, descriptor, code)
        }
        return DiskLock(descriptor: descriptor)
    }

    /// Says which process holds a lock, as far as it has said so in the file.
    private static func lockFailure(_ path: String, _ descriptor: Int32, _ code: Int32) -> StoreError {
        guard code == EWOULDBLOCK else { return failure("lock", path, code) }
        var holder = [UInt8](repeating: 0, count: 16)
        let count = max(0, pread(descriptor, &holder, holder.count, 0))
        let process = String(decoding: holder[..<count].prefix { $0 != 10 }, as: UTF8.self)
        return StoreError(
            .locked,
            "\(path): the store is open for writing in "
                + (process.isEmpty ? "another process" : "process \(process)") + "; close it there first")
    }
}

private final class DiskLock: FileLock {
    private let descriptor: Int32
    init(descriptor: Int32) { self.descriptor = descriptor }
    func release() { _ = flock(descriptor, LOCK_UN) }
    deinit { close(descriptor) }
}

func retrying(_ call: () -> Int32) -> Int32 {
    while true {
        let result = call()
        if result >= 0 || errno != EINTR { return result }
    }
}

func failure(_ operation: String, _ path: String, _ code: Int32 = errno) -> StoreError {
    let text = String(cString: strerror(code))
    let kind: StoreError.Kind =
        switch code {
        case ENOSPC, EDQUOT: .outOfSpace
        case ENOENT: .notFound
        case EACCES, EPERM, EROFS: .notPermitted
        default: .io
        }
    return StoreError(kind, "cannot \(operation) \(path): \(text)")
}
