import IMAPCodec
import MailModel
import NIOCore
import Varve

// APPEND (RFC 3501 §6.3.11, RFC 4315 §3 APPENDUID).

extension CommandTable {
    static let appendCommands = [
        CommandRow("APPEND", .loggedIn) { session, tagged in
            guard case .append(let append) = tagged.command, let account = session.account else { return .mismatch }
            return try await session.append(append, account)
        }
    ]
}

extension Session {
    /// The message is kept byte for byte as the client sent it.
    fileprivate func append(_ append: AppendCommand, _ account: Account) async throws -> Reply {
        guard let appended = append.messages.first else { return .mismatch }
        // Parsed, compressed and encrypted here, outside of the writer's lock.
        let message = try appended.bytes.withUnsafeReadableBytes { bytes in try account.store.prepare(bytes) }
        let date = appended.internalDate ?? InternalDate(seconds: Int64(StoreOptions.systemClock() / 1000))
        let (mailbox, uid) = try await account.commit { tx in
            // RFC 3501 §6.3.11: the client may create the mailbox and try again.
            guard let mailbox = try tx.mailbox(named: append.mailbox.name) else { throw CommandFailure(.tryCreate) }
            return (mailbox, try tx.append(message, to: mailbox.id, flags: appended.flags, internalDate: date))
        }.result
        return .ok("Append completed", code: "APPENDUID \(mailbox.uidValidity) \(uid)")
    }
}

extension Reply {
    static let tryCreate = Reply(status: .no, code: "TRYCREATE", text: "There is no mailbox of this name")
}
