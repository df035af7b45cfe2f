import Glibc
import MailModel

/// Reads one folder of a Maildir: what lies in `cur` and `new`, in the order of the times that the files' names begin
/// with, then of the names. `tmp` is not looked at, and nothing that a link points to is read.
///
/// Flags are those of the names, dates the files' modification times. Keeps the names in memory, and one message.
public final class MaildirReader: MailSource {
    public private(set) var bytesRead = 0
    public let bytesTotal: Int

    private let folder: MaildirFolder
    private let maximumMessageSize: Int
    private let names: [UInt8]
    private let entries: [Entry]
    private var index = 0

    private struct Entry {
        let time: Int64
        let nameStart: Int
        let nameCount: Int32
        let isNew: Bool
    }

    /// - Throws: `.notFound`, `.notPermitted`, `.io`.
    public convenience init(_ folder: MaildirFolder) throws(MailFileError) {
        try self.init(folder, maximumMessageSize: MailFileLimits.messageSize)
    }

    init(_ folder: MaildirFolder, maximumMessageSize: Int) throws(MailFileError) {
        self.folder = folder
        self.maximumMessageSize = maximumMessageSize
        var names: [UInt8] = []
        var entries: [Entry] = []
        var total = 0
        for (part, isNew) in [("cur", false), ("new", true)] {
            let path = "\(folder.path)/\(part)"
            var status = stat()
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { continue }
            let descriptor = try openDescriptor(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
            defer { close(descriptor) }
            try Maildir.forEachName(in: path, path) { name in
                guard name.first != UInt8(ascii: "."), entries.count < MailFileLimits.filesInFolder else { return true }
                let start = names.count
                names += name
                names.append(0)
                var status = stat()
                let code = names.withUnsafeBytes {
                    let name = $0.baseAddress!.assumingMemoryBound(to: CChar.self) + start
                    return fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW)
                }
                if code == 0, status.st_mode & S_IFMT == S_IFREG { total &+= Int(status.st_size) }
                entries.append(
                    Entry(
                        time: MaildirFileName.time(name), nameStart: start, nameCount: Int32(name.count), isNew: isNew))
                return true
            }
        }
        func bytes(_ entry: Entry) -> ArraySlice<UInt8> { names[entry.nameStart..<(entry.nameStart + Int(entry.nameCount))] }
        entries.sort { $0.time != $1.time ? $0.time < $1.time : bytes($0).lexicographicallyPrecedes(bytes($1)) }
        self.names = names
        self.entries = entries
        bytesTotal = total
    }

    public func next() throws(MailFileError) -> MailFileItem? {
        guard index < entries.count else { return nil }
        let entry = entries[index]
        index += 1
        let name = names[entry.nameStart..<(entry.nameStart + Int(entry.nameCount))]
        let path = "\(folder.path)/\(entry.isNew ? "new" : "cur")/"
        // A name need not be UTF-8: the system gets its bytes.
        let fullName = Array(path.utf8) + name + [0]
        let place = MailFilePlace(path: path + String(decoding: name, as: UTF8.self))
        let descriptor = fullName.withUnsafeBytes { bytes in
            let name = bytes.baseAddress!.assumingMemoryBound(to: CChar.self)
            // A FIFO among the messages must not make it wait.
            return retrying { Int(open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)) }
        }
        guard descriptor >= 0 else {
            // A mail program may have renamed it meanwhile; a link is not followed.
            if errno == ENOENT { return .skipped(place, reason: "it is no longer there") }
            if errno == ELOOP { return .skipped(place, reason: "it is a link") }
            throw failure("open", place.path)
        }
        defer { close(Int32(descriptor)) }
        return try read(Int32(descriptor), place, flags: MaildirFileName.flags(name))
    }

    private func read(_ descriptor: Int32, _ place: MailFilePlace, flags: Flags) throws(MailFileError) -> MailFileItem {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("look at", place.path) }
        guard status.st_mode & S_IFMT == S_IFREG else { return .skipped(place, reason: "it is no file") }
        var message: [UInt8] = []
        let size = Int(status.st_size)
        let tooLarge = MailFileItem.skipped(place, reason: "the message has more than \(maximumMessageSize) bytes")
        guard size <= maximumMessageSize else {
            bytesRead += size
            return tooLarge
        }
        message.reserveCapacity(size + size / 32 + 64)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: min(max(size + 1, 4096), 1 << 20), alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = retrying { Glibc.read(descriptor, buffer.baseAddress!, buffer.count) }
            guard count >= 0 else { throw failure("read", place.path) }
            if count == 0 { break }
            bytesRead += count
            message.appendWithCRLF(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            guard message.count <= maximumMessageSize else { return tooLarge }
        }
        return .message(
            MailFileMessage(
                bytes: message, flags: flags, internalDate: InternalDate(seconds: Int64(status.st_mtim.tv_sec)),
                place: place))
    }
}
