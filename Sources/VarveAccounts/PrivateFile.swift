import Glibc

/// Small files that nobody but their owner may read, replaced as a whole.
enum PrivateFile {
    /// Tells one version of a file from another.
    struct Stamp: Hashable, Sendable {
        let inode: UInt
        let size: Int
        let seconds: Int
        let nanoseconds: Int

        init(_ status: stat) {
            inode = UInt(status.st_ino)
            size = Int(status.st_size)
            seconds = Int(status.st_mtim.tv_sec)
            nanoseconds = Int(status.st_mtim.tv_nsec)
        }
    }

    /// nil if the file is not there.
    static func stamp(_ path: String) throws(AccountError) -> Stamp? {
        var status = stat()
        if stat(path, &status) == 0 { return Stamp(status) }
        if errno == ENOENT { return nil }
        throw failure("look at", path)
    }

    /// A file's bytes, and which version they are; nil if the file is not there.
    static func read(_ path: String, limit: Int) throws(AccountError) -> (bytes: [UInt8], stamp: Stamp)? {
        let descriptor = retrying { open(path, O_RDONLY | O_CLOEXEC) }
        if descriptor < 0, errno == ENOENT { return nil }
        guard descriptor >= 0 else { throw failure("open", path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("look at", path) }
        guard status.st_size <= limit else {
            throw AccountError(.corrupt, "\(path): \(status.st_size) bytes; at most \(limit) are read")
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var done = 0
        while done < bytes.count {
            let room = bytes.count - done
            let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + done, room) }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("read", path)
            }
            if count == 0 { break }
            done += count
        }
        bytes.removeLast(bytes.count - done)
        return (bytes, Stamp(status))
    }

    /// Writes beside, syncs, renames, and syncs the folder: a crash leaves the old content or the new.
    /// - Parameter folder: that of `path`. Whoever calls holds a lock against others who do the same.
    static func replace(_ path: String, in folder: String, with bytes: [UInt8]) throws(AccountError) {
        let temporary = path + ".new"
        // What a crash left.
        guard unlink(temporary) == 0 || errno == ENOENT else { throw failure("remove", temporary) }
        let descriptor = retrying { open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) }
        guard descriptor >= 0 else { throw failure("create", temporary) }
        do throws(AccountError) {
            defer { close(descriptor) }
            try write(descriptor, bytes, temporary)
            guard fsync(descriptor) == 0 else { throw failure("sync", temporary) }
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else { throw failure("rename", temporary) }
        try syncFolder(folder)
    }

    private static func write(_ descriptor: Int32, _ bytes: [UInt8], _ path: String) throws(AccountError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, $0.count - done) }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("write", path)
            }
            done += count
        }
    }

    private static func syncFolder(_ path: String) throws(AccountError) {
        let descriptor = retrying { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw failure("open folder", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("sync folder", path) }
    }

    /// Makes a folder that only its owner can enter, if it is not there.
    static func createFolder(_ path: String, in parent: String) throws(AccountError) {
        if mkdir(path, 0o700) == 0 { return try syncFolder(parent) }
        guard errno == EEXIST else { throw failure("create folder", path) }
    }

    static func isFolder(_ path: String) throws(AccountError) -> Bool {
        var status = stat()
        if stat(path, &status) == 0 { return status.st_mode & S_IFMT == S_IFDIR }
        if errno == ENOENT || errno == ENOTDIR { return false }
        throw failure("look at", path)
    }

    /// Runs `body` while no other thread or process does so under the same lock file.
    static func locked<R>(_ path: String, _ body: () throws(AccountError) -> R) throws(AccountError) -> R {
        let descriptor = retrying { open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600) }
        guard descriptor >= 0 else { throw failure("open", path) }
        // The kernel lets the lock go with the descriptor.
        defer { close(descriptor) }
        guard retrying({ flock(descriptor, LOCK_EX) }) == 0 else { throw failure("lock", path) }
        return try body()
    }

    private static func retrying(_ call: () -> Int32) -> Int32 {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }

    static func failure(_ operation: String, _ path: String, _ code: Int32 = errno) -> AccountError {
        let kind: AccountError.Kind =
            switch code {
            case ENOENT, ENOTDIR: .notFound
            case EACCES, EPERM, EROFS: .notPermitted
            default: .io
            }
        return AccountError(kind, "cannot \(operation) \(path): \(String(cString: strerror(code)))")
    }
}
