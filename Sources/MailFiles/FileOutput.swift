import Glibc

/// A new file, written through a buffer.
final class FileOutput {
    let path: String
    private let descriptor: Int32
    private let buffer: UnsafeMutableRawBufferPointer
    private var count = 0

    /// - Throws: `.alreadyExists`.
    init(creating path: String) throws(MailFileError) {
        self.path = path
        descriptor = try openDescriptor(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        buffer = .allocate(byteCount: 256 << 10, alignment: 16)
    }

    deinit {
        buffer.deallocate()
        close(descriptor)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(MailFileError) {
        var rest = bytes
        while rest.count > buffer.count - count {
            let part = UnsafeRawBufferPointer(rebasing: rest[..<(buffer.count - count)])
            UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).copyMemory(from: part)
            count = buffer.count
            rest = UnsafeRawBufferPointer(rebasing: rest[part.count...])
            try flush()
        }
        UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).copyMemory(from: rest)
        count += rest.count
    }

    func write(_ byte: UInt8) throws(MailFileError) {
        if count == buffer.count { try flush() }
        buffer[count] = byte
        count += 1
    }

    func write(_ bytes: some Sequence<UInt8>) throws(MailFileError) {
        for byte in bytes { try write(byte) }
    }

    func flush() throws(MailFileError) {
        var done = 0
        while done < count {
            let written = retrying { Glibc.write(descriptor, buffer.baseAddress! + done, count - done) }
            guard written >= 0 else { throw failure("write", path) }
            done += written
        }
        count = 0
    }

    func sync() throws(MailFileError) {
        try flush()
        guard fsync(descriptor) == 0 else { throw failure("sync", path) }
    }

    func setModificationTime(_ seconds: Int64) throws(MailFileError) {
        let time = timespec(tv_sec: time_t(seconds), tv_nsec: 0)
        guard futimens(descriptor, [time, time]) == 0 else { throw failure("set the time of", path) }
    }
}
