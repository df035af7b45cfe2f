import Glibc
import MailFiles
import MailModel
import Varve

/// Writes messages of a store, piece by piece.
struct ExportRun {
    private let store: Store
    private let snapshot: Snapshot
    private let mailboxes: [MailboxInfo]
    private(set) var messages = 0
    private(set) var bytes = 0
    private(set) var completedLines = 0
    var progress: ProgressBar

    /// Bytes of a message in memory at most.
    private static let pieceSize = 1 << 20
    /// Messages that are looked up together.
    private static let batchMessages = 1024

    init(_ store: Store, _ snapshot: Snapshot, _ mailboxes: [MailboxInfo]) {
        self.store = store
        self.snapshot = snapshot
        self.mailboxes = mailboxes
        progress = ProgressBar("exporting", total: Int(clamping: mailboxes.reduce(0) { $0 &+ $1.bytes }))
    }

    mutating func writeMaildir(_ path: String, _ lineEnds: LineEnds, asFolders: Bool) throws {
        let writer = try MaildirWriter(path: path, lineEnds: lineEnds)
        for mailbox in mailboxes {
            let isRoot = !asFolders || mailbox.name == MailboxName.inbox
            try writer.beginFolder(isRoot ? nil : mailbox.name, uidValidity: mailbox.uidValidity)
            try forEachMessage(of: mailbox) { message, flags, pieces in
                try writer.begin(uid: message.uid, savedAt: message.saveDate, flags: flags)
                try pieces { piece in try writer.write(piece) }
                try writer.end(date: message.internalDate)
            }
        }
        try writer.finish()
    }

    mutating func writeMbox(_ path: String, _ mailbox: MailboxInfo, _ options: MboxWriter.Options) throws {
        let writer = try MboxWriter(path: path, options)
        try forEachMessage(of: mailbox) { message, flags, pieces in
            writer.begin(date: message.internalDate, flags: flags)
            try pieces { piece in try writer.write(piece) }
            try writer.end()
        }
        try writer.finish()
        completedLines += writer.completedLines
    }

    /// A folder with a file for each mailbox.
    mutating func writeMboxFiles(_ path: String, _ options: MboxWriter.Options) throws {
        var path = path
        while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
        var status = stat()
        guard lstat(path, &status) != 0 else { throw CommandFailure("\(path) is there already; nothing is overwritten") }
        let temporary = "\(path).partial-\(getpid())"
        guard mkdir(temporary, 0o700) == 0 else {
            throw CommandFailure("cannot create folder \(temporary): \(String(cString: strerror(errno)))")
        }
        var files: [String] = []
        do {
            for mailbox in mailboxes {
                let file = "\(temporary)/\(ExportRun.fileName(mailbox.name)).mbox"
                files.append(file)
                try writeMbox(file, mailbox, options)
            }
            guard rename(temporary, path) == 0 else {
                throw CommandFailure("cannot create \(path): \(String(cString: strerror(errno)))")
            }
        } catch {
            for file in files { unlink(file) }
            rmdir(temporary)
            throw error
        }
    }

    /// A mailbox's name as one of a file: `/`, `%` and a leading `.` are percent-encoded.
    private static func fileName(_ mailbox: String) -> String {
        let name = mailbox.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "%25")
            .split(separator: "/", omittingEmptySubsequences: false).joined(separator: "%2F")
        return name.hasPrefix(".") ? "%2E" + name.dropFirst() : name
    }

    private typealias PieceReader = ((UnsafeRawBufferPointer) throws -> Void) throws -> Void

    private mutating func forEachMessage(
        of mailbox: MailboxInfo, _ body: (Message, Flags, PieceReader) throws -> Void
    ) throws {
        guard let view = try snapshot.view(of: mailbox.id) else { return }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: ExportRun.pieceSize, alignment: 16)
        defer { buffer.deallocate() }
        var first = UID.min
        while true {
            var batch: [Message] = []
            try view.forEachMessage(in: UIDRange(first, .max)) { _, message in
                batch.append(message)
                return batch.count < ExportRun.batchMessages
            }
            guard let last = batch.last else { return }
            for message in batch {
                try Interruption.check()
                let stored = try store.body(of: message)
                try body(message, snapshot.flags(of: message)) { write in
                    var at = 0
                    // Also an empty message is written once.
                    repeat {
                        let end = min(at + ExportRun.pieceSize, stored.size)
                        let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(end - at)])
                        try stored.read(at..<end, into: piece)
                        try write(UnsafeRawBufferPointer(piece))
                        at = end
                    } while at < stored.size
                }
                messages += 1
                bytes += message.size
                progress.update(bytes: bytes, messages: messages)
            }
            guard last.uid < .max else { return }
            first = UID(last.uid.rawValue + 1)
        }
    }
}
