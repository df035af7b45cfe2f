import Glibc

/// Where master keys come from: files that are their owner's alone, and the environment. They are no part of a store, and
/// so not behind `FileSystem`.
enum MasterKeyFile {
    /// A key as text with its line's end, and something more, by which a longer file is noticed.
    private static let maximumSize = 128

    /// What a file holds, of which at most so many bytes count.
    static func read(_ path: String) throws(StoreError) -> (bytes: Secret, count: Int) {
        // Without O_NONBLOCK a pipe would keep us waiting for a writer; for files it means nothing.
        let descriptor = retrying { Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        guard descriptor >= 0 else { throw failure("open the master key's file", path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("look at", path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw StoreError(.notPermitted, "\(path): not a regular file") }
        guard status.st_mode & 0o077 == 0 else {
            throw StoreError(
                .notPermitted, "\(path): others than its owner may use this master key; to mend it: chmod 600 \(path)")
        }
        var count = 0
        let bytes = try Secret(count: maximumSize) { buffer throws(StoreError) in
            while count < buffer.count {
                let read = Glibc.read(descriptor, buffer.baseAddress! + count, buffer.count - count)
                if read < 0 {
                    if errno == EINTR { continue }
                    throw failure("read", path)
                }
                if read == 0 { return }
                count += read
            }
        }
        return (bytes, count)
    }

    /// Writes a file that must not be there yet; it and its name are on disk when this returns.
    static func create(_ path: String, _ content: Secret) throws(StoreError) {
        let descriptor = retrying { Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) }
        if descriptor < 0, errno == EEXIST {
            throw StoreError(.alreadyExists, "\(path): there is a file already; a key is never written over")
        }
        guard descriptor >= 0 else { throw failure("create", path) }
        do throws(StoreError) {
            defer { close(descriptor) }
            var done = 0
            while done < content.count {
                let count = content.withBytes { Glibc.write(descriptor, $0.baseAddress! + done, $0.count - done) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw failure("write", path) }
                done += count
            }
            guard fsync(descriptor) == 0 else { throw failure("sync", path) }
        } catch {
            unlink(path)
            throw error
        }
        try DiskFileSystem().syncDirectory(FileNames.folder(above: path))
    }

    /// What a variable of the environment holds, as long as nobody changes the environment.
    static func environment(_ name: String) -> UnsafeRawBufferPointer? {
        guard let text = getenv(name) else { return nil }
        return UnsafeRawBufferPointer(start: text, count: strlen(text))
    }
}
