import Glibc

func failure(_ operation: String, _ path: String, _ code: Int32 = errno) -> MailFileError {
    let kind: MailFileError.Kind =
        switch code {
        case ENOENT, ENOTDIR: .notFound
        case EEXIST, ENOTEMPTY: .alreadyExists
        case EACCES, EPERM, EROFS: .notPermitted
        case ENOSPC, EDQUOT: .outOfSpace
        default: .io
        }
    return MailFileError(kind, "cannot \(operation) \(path): \(String(cString: strerror(code)))")
}

func retrying(_ call: () -> Int) -> Int {
    while true {
        let result = call()
        if result >= 0 || errno != EINTR { return result }
    }
}

func openDescriptor(_ path: String, _ flags: Int32, mode: mode_t = 0) throws(MailFileError) -> Int32 {
    let descriptor = Int32(retrying { Int(open(path, flags | O_CLOEXEC, mode)) })
    guard descriptor >= 0 else { throw failure("open", path) }
    return descriptor
}

func isThere(_ path: String) throws(MailFileError) -> Bool {
    var status = stat()
    if lstat(path, &status) == 0 { return true }
    if errno == ENOENT { return false }
    throw failure("look at", path)
}

func makeFolder(_ path: String) throws(MailFileError) {
    guard mkdir(path, 0o700) == 0 else { throw failure("create folder", path) }
}

/// Makes the names in the folder of `path` durable.
func syncFolder(of path: String) throws(MailFileError) {
    let trimmed = path.utf8.last == UInt8(ascii: "/") ? String(path.dropLast()) : path
    var folder = "."
    if let slash = trimmed.lastIndex(of: "/") {
        folder = slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
    }
    let descriptor = try openDescriptor(folder, O_RDONLY | O_DIRECTORY)
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("sync folder", folder) }
}
