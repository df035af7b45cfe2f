import Glibc
import MailFiles
import MailModel
import Varve

/// Brings messages into a store so that they come all at once or not at all.
///
/// They are first put into mailboxes of their own, whose names begin with `.varve-import-`: in many commits, which need
/// not be durable one by one. When all is there and has been counted, one commit moves the messages to where they belong,
/// which writes no bodies, and deletes those mailboxes. What a killed import left, the next one deletes.
@MainActor
struct ImportRun {
    /// Messages for one mailbox.
    struct Source {
        let mailbox: String
        let open: () throws -> any MailSource
        /// Opened when the import begins: it knows how much there is.
        let reader: any MailSource

        init(mailbox: String, open: @escaping () throws -> any MailSource) throws {
            self.mailbox = mailbox
            self.open = open
            reader = try open()
        }
    }

    struct Summary: Sendable {
        var messages = 0
        var bytes = 0
        var mailboxes: [(name: String, messages: Int, bytes: Int)] = []
        /// The first `maximumSkipped` of them.
        var skipped: [(place: MailFilePlace, reason: String)] = []
    }

    private static let stagingPrefix = ".varve-import-"
    private static let maximumSkipped = 1000
    /// What goes through preparation, and into a commit, together: it is full with either.
    private static let batchBytes = 4 << 20
    private static let batchMessages = 500
    /// Bytes read and not committed at most, beyond the last message read.
    private static let bytesInFlight = 64 << 20

    private let store: Store

    init(_ store: Store) { self.store = store }

    private struct Staged {
        let target: String
        let mailbox: MailboxID
        var messages = 0
        var bytes = 0
    }

    func run(_ sources: [Source], verify: Bool) async throws -> Summary {
        try removeStaging()
        do {
            var progress = ProgressBar("importing", total: sources.reduce(0) { $0 + $1.reader.bytesTotal })
            defer { progress.finish() }
            var summary = Summary()
            var staged: [Staged] = []
            var bytesBefore = 0
            for (number, source) in sources.enumerated() {
                let id = try store.commit(.relaxed) { tx in try tx.createMailbox("\(ImportRun.stagingPrefix)\(number)").id }
                var stage = Staged(target: source.mailbox, mailbox: id)
                try await stageMessages(source.reader, &stage, &summary) { messages in
                    progress.update(bytes: bytesBefore + source.reader.bytesRead, messages: messages)
                }
                bytesBefore += source.reader.bytesTotal
                staged.append(stage)
            }
            try store.flush()
            if verify {
                for (source, stage) in zip(sources, staged) { try compare(try source.open(), with: stage) }
            }
            try Interruption.check()
            try moveToTargets(staged)
            for stage in staged {
                summary.mailboxes.append((stage.target, stage.messages, stage.bytes))
            }
            return summary
        } catch {
            // If this fails too, the next import does it.
            try? removeStaging()
            throw error
        }
    }

    private func removeStaging() throws {
        var leftovers: [MailboxID] = []
        // What was committed and is not durable yet is in no snapshot.
        try store.flush()
        try store.snapshot().forEachMailbox { info in
            if info.name.utf8.starts(with: ImportRun.stagingPrefix.utf8) { leftovers.append(info.id) }
            return true
        }
        guard !leftovers.isEmpty else { return }
        try store.commit { tx in
            for id in leftovers { try tx.deleteMailbox(id) }
        }
    }

    // MARK: Staging

    private struct Prepared: Sendable {
        let message: PreparedMessage
        let flags: Flags
        let internalDate: InternalDate
    }

    /// Reads ahead of the preparation, which runs on all cores, and commits in the order of the source.
    private func stageMessages(
        _ reader: any MailSource, _ stage: inout Staged, _ summary: inout Summary, _ progress: (Int) -> Void
    ) async throws {
        let width = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) + 1
        try await withThrowingTaskGroup(of: (Int, [Prepared]).self) { group in
            var read = 0
            var committed = 0
            var sizes: [Int: Int] = [:]
            var inFlight = 0
            var ready: [Int: [Prepared]] = [:]
            var isAtEnd = false
            while true {
                while !isAtEnd, read - committed < width, inFlight < ImportRun.bytesInFlight {
                    try Interruption.check()
                    let (batch, size) = try nextBatch(reader, &summary)
                    guard !batch.isEmpty else {
                        isAtEnd = true
                        break
                    }
                    let number = read
                    group.addTask { [store] in (number, try ImportRun.prepare(batch, for: store)) }
                    sizes[number] = size
                    inFlight += size
                    read += 1
                }
                guard committed < read else { return }
                while ready[committed] == nil, let (number, batch) = try await group.next() { ready[number] = batch }
                let batch = ready.removeValue(forKey: committed) ?? []
                try commit(batch, &stage)
                summary.messages += batch.count
                summary.bytes += batch.reduce(0) { $0 + $1.message.size }
                inFlight -= sizes.removeValue(forKey: committed) ?? 0
                committed += 1
                progress(summary.messages)
            }
        }
    }

    private func nextBatch(_ reader: any MailSource, _ summary: inout Summary) throws -> ([MailFileMessage], Int) {
        var batch: [MailFileMessage] = []
        var size = 0
        while size < ImportRun.batchBytes, batch.count < ImportRun.batchMessages, let item = try reader.next() {
            switch item {
            case .message(let message):
                size += message.bytes.count
                batch.append(message)
            case .skipped(let place, let reason):
                if summary.skipped.count < ImportRun.maximumSkipped { summary.skipped.append((place, reason)) }
            }
        }
        return (batch, size)
    }

    private nonisolated static func prepare(_ batch: [MailFileMessage], for store: Store) throws -> [Prepared] {
        let now = InternalDate(seconds: Int64(StoreOptions.systemClock() / 1000))
        return try batch.map { message in
            Prepared(
                message: try store.prepare(message.bytes), flags: message.flags,
                internalDate: message.internalDate ?? now)
        }
    }

    private func commit(_ batch: [Prepared], _ stage: inout Staged) throws {
        let mailbox = stage.mailbox
        try store.commit(.relaxed) { tx in
            for item in batch {
                try tx.append(item.message, to: mailbox, flags: item.flags, internalDate: item.internalDate)
            }
        }
        stage.messages += batch.count
        stage.bytes += batch.reduce(0) { $0 + $1.message.size }
    }

    // MARK: Verifying

    /// Reads a source once more and compares it with what has come into the store.
    private func compare(_ reader: any MailSource, with stage: Staged) throws {
        guard let view = try store.snapshot().view(of: stage.mailbox) else { throw CommandFailure("the import is gone") }
        var sequenceNumber = 0
        while let item = try reader.next() {
            try Interruption.check()
            guard case .message(let source) = item else { continue }
            sequenceNumber += 1
            guard let uid = try view.uid(at: sequenceNumber), let message = try view.message(uid),
                message.size == source.bytes.count, try store.body(of: message).bytes() == source.bytes
            else {
                throw CommandFailure(
                    "\(source.place): what was stored is not what is there (has the source changed?); nothing was imported")
            }
        }
        guard sequenceNumber == stage.messages else {
            throw CommandFailure("the source has changed while it was read; nothing was imported")
        }
    }

    // MARK: Moving

    /// Everything comes to its place, or nothing does; counted on both sides.
    private func moveToTargets(_ staged: [Staged]) throws {
        try store.commit { tx in
            for stage in staged {
                let target = try tx.mailbox(named: stage.target) ?? tx.createMailbox(stage.target)
                let moved = try tx.move(UIDSet(UIDRange(.min, .max)), from: stage.mailbox, to: target.id)
                let after = try tx.mailbox(target.id)
                guard moved.destination.count == stage.messages,
                    after?.messages == target.messages + stage.messages,
                    after?.bytes == target.bytes + UInt64(stage.bytes)
                else {
                    throw CommandFailure(
                        "\(stage.target): \(stage.messages) messages were read, and \(moved.destination.count) came into "
                            + "the store; nothing was imported")
                }
                try tx.deleteMailbox(stage.mailbox)
            }
        }
    }
}
