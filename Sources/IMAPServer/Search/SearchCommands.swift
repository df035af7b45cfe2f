import IMAPCodec
import MailModel
import NIOCore
import Varve

// SEARCH (RFC 3501 §6.4.4, §7.2.5).

extension CommandTable {
    static let searchCommands = [
        CommandRow("SEARCH", .selected, mayShift: false) { session, tagged in try await session.search(tagged.command) },
        CommandRow("UID SEARCH", .selected) { session, tagged in try await session.search(tagged.command) },
    ]
}

extension Session {
    fileprivate func search(_ command: Command) async throws -> Reply {
        guard case .search(let search) = command, case .selected(let account, let selected) = state else { return .mismatch }
        let view = try selected.view(account)
        let criteria = try SearchCriteria(search.key, self, view, recent: selected.recent)
        var batches = MessageBatches(criteria.candidates)
        out.writeString("* SEARCH")
        while let batch = try batches.next(selected.view(account)) {
            for (number, message) in batch.messages {
                var candidate = SearchCandidate(message, batch.snapshot, account.store)
                guard try criteria.matches(&candidate) else { continue }
                out.writeString(" ")
                out.writeDecimal(search.uid ? Int(message.uid.rawValue) : number)
            }
            if out.readableBytes >= Session.flushSize { await flush() }
            // Others have the thread between two groups, and a client that has gone is noticed.
            await Task.yield()
            if state.isLoggedOut { break }
        }
        out.writeString("\r\n")
        return .ok("Search completed")
    }
}
