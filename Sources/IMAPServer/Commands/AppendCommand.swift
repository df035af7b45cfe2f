import IMAPCodec
import MailModel
import NIOCore
import Varve

// APPEND (RFC 3501 §6.3.11) of one message or several (RFC 3502), APPENDUID (RFC 4315 §3).

extension CommandTable {
    static let appendCommands = [
        CommandRow("APPEND", .loggedIn) { session, tagged in
            guard case .append(let append) = tagged.command, let account = session.account else { return .mismatch }
            return try await session.append(append, account)
        }
    ]
}

extension Session {
    /// The messages are kept byte for byte as the client sent them; all of them, or none (RFC 3502, §6.3.11).
    fileprivate func append(_ append: AppendCommand, _ account: Account) async throws -> Reply {
        // RFC 3502, §6.3.11: a message of no bytes is an error, by which a client takes back what it has begun.
        guard append.messages.allSatisfy({ $0.bytes.readableBytes > 0 }) else { return .appendCancelled }
        let now = InternalDate(seconds: Int64(StoreOptions.systemClock() / 1000))
        let prepared = try await prepare(append.messages, account)
        nothingWaits()
        let (mailbox, uids) = try await account.commit { tx in
            // RFC 3501 §6.3.11: the client may create the mailbox and try again.
            guard let mailbox = try tx.mailbox(named: append.mailbox.name) else { throw CommandFailure(.tryCreate) }
            var uids = UIDSet()
            for (appended, message) in zip(append.messages, prepared) {
                let date = appended.internalDate ?? now
                let uid = try tx.append(message, to: mailbox.id, flags: appended.flags, internalDate: date)
                uids.insert(uid)
            }
            return (mailbox, uids)
        }.result
        // RFC 4315 §3: in the order in which they came, which is the UIDs' own; one message's UID is not a range.
        return .ok("Append completed", code: "APPENDUID \(mailbox.uidValidity) \(uids)")
    }

    /// Parsed, compressed and encrypted outside of the writer's lock, others having the thread after each message.
    private func prepare(_ messages: [AppendedMessage], _ account: Account) async throws -> [PreparedMessage] {
        var prepared: [PreparedMessage] = []
        prepared.reserveCapacity(messages.count)
        for message in messages {
            if !prepared.isEmpty { await Task.yield() }
            prepared.append(try message.bytes.withUnsafeReadableBytes { bytes in try account.store.prepare(bytes) })
        }
        return prepared
    }

    /// Refuses an APPEND whose first message the client has announced and not yet sent, if it cannot come to anything: then
    /// it need not be sent (RFC 3502, §6.3.11). Whatever cannot be told now is told when the message is there.
    func refusesAppend() -> Bool {
        guard let (tag, mailbox) = parser.announcedAppend, let account else { return false }
        let reply: Reply
        do {
            guard try account.store.snapshot().mailbox(named: mailbox.name) == nil else { return false }
            reply = .tryCreate
        } catch {
            return false
        }
        parser.refuseLiteral()
        out.writeStatus(tag, reply.status, code: reply.code, reply.text)
        return true
    }
}

extension Reply {
    static let tryCreate = Reply(status: .no, code: "TRYCREATE", text: "There is no mailbox of this name")
    fileprivate static let appendCancelled = Reply.no("Append cancelled: a message has no bytes")
}
