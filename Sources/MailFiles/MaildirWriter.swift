import Glibc
import MailModel

/// Writes a new Maildir, with Maildir++ folders in it: beside its place, and there when it is whole.
///
/// Names of files are made of the time when a message came into its mailbox and of its UID, so that they sort as the UIDs
/// do, and that the same mailbox gives the same names. Flags stand in them, dates are the files' modification times.
/// Read with `MaildirReader`, every message has the bytes that it had.
public final class MaildirWriter {
    private let path: String
    private let temporary: String
    private let lineEnds: LineEnds
    private var folder = ""
    private var folders: [String] = []
    private var uidValidity = UIDValidity(1)
    private var time: Int64 = 0
    private var file: (output: FileOutput, lines: LineEndWriter)?
    private var isFinished = false

    /// - Throws: `.alreadyExists` if there is something of that name; `.io`.
    public init(path: String, lineEnds: LineEnds = .lf) throws(MailFileError) {
        var path = path
        while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
        guard try !isThere(path) else { throw failure("write", path, EEXIST) }
        self.path = path
        self.lineEnds = lineEnds
        temporary = "\(path).partial-\(getpid())"
        try makeFolder(temporary)
    }

    deinit { if !isFinished { removeTemporary() } }

    /// Begins a mailbox. To be called once for each.
    /// - Parameter name: levels separated by `/`; nil for the Maildir itself.
    public func beginFolder(_ name: String?, uidValidity: UIDValidity) throws(MailFileError) {
        self.uidValidity = uidValidity
        time = 0
        folder = name.map { "\(temporary)/\(MaildirFolderName.folder($0))" } ?? temporary
        if name != nil {
            try makeFolder(folder)
            // Says to delivery agents that this is a folder of the Maildir above.
            _ = try FileOutput(creating: "\(folder)/maildirfolder")
        }
        folders.append(folder)
        for part in ["cur", "new", "tmp"] { try makeFolder("\(folder)/\(part)") }
    }

    /// Begins a message; to be called in the order of the UIDs.
    /// - Parameter savedAt: when it came into the mailbox, in seconds since 1970.
    public func begin(uid: UID, savedAt: Int64, flags: Flags) throws(MailFileError) {
        // A clock that was set back must not change the order.
        time = max(time, savedAt)
        let digits = String(uid.rawValue)
        let name = "\(time).V\(uidValidity)U\(String(repeating: "0", count: 10 - digits.count))\(digits).varve"
        let output = try FileOutput(creating: "\(folder)/cur/\(name)\(MaildirFileName.suffix(flags))")
        file = (output, LineEndWriter(lineEnds))
    }

    /// Writes a part of the message.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(MailFileError) {
        guard let output = file?.output, var at = bytes.baseAddress else { return }
        if lineEnds == .crlf { return try output.write(bytes) }
        let end = at + bytes.count
        while at < end {
            let next = memchr(at, 10, end - at).map { UnsafeRawPointer($0) + 1 } ?? end
            try file!.lines.write(UnsafeRawBufferPointer(start: at, count: next - at), to: output)
            at = next
        }
    }

    public func end(date: InternalDate) throws(MailFileError) {
        guard case (let output, var lines)? = file else { return }
        file = nil
        try lines.finish(output)
        try output.flush()
        try output.setModificationTime(date.seconds)
    }

    /// Puts the Maildir to its place, durably.
    public func finish() throws(MailFileError) {
        // One call for all the files, for there may be a million of them.
        sync()
        // A rename replaces nothing but an empty folder.
        guard try !isThere(path) else { throw failure("create", path, EEXIST) }
        guard rename(temporary, path) == 0 else { throw failure("create", path) }
        isFinished = true
        try syncFolder(of: path)
    }

    private func removeTemporary() {
        file = nil
        for folder in folders.reversed() {
            for part in ["cur", "new", "tmp"] {
                let path = "\(folder)/\(part)"
                var names: [String] = []
                try? Maildir.forEachName(in: path, path) { name in
                    names.append(String(decoding: name, as: UTF8.self))
                    return true
                }
                for name in names where name != "." && name != ".." { unlink("\(path)/\(name)") }
                rmdir(path)
            }
            unlink("\(folder)/maildirfolder")
            rmdir(folder)
        }
        rmdir(temporary)
    }
}
