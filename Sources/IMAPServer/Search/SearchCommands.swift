import IMAPCodec
import MailModel
import NIOCore
import Varve

// SEARCH (RFC 3501 §6.4.4, §7.2.5).

extension CommandTable {
    static let searchCommands = [
        CommandRow("SEARCH", .selected, mayShift: false, namesByNumber: true) { session, tagged in
            try await session.search(tagged.command)
        },
        CommandRow("UID SEARCH", .selected) { session, tagged in try await session.search(tagged.command) },
    ]
}

extension Session {
    fileprivate func search(_ command: Command) async throws -> Reply {
        guard case .search(let search) = command, case .selected(let account, let selected) = state else { return .mismatch }
        let criteria = try criteria(search.key, selected, account)
        out.writeString("* SEARCH")
        let damaged: Int
        do {
            damaged = try await writeMatches(criteria, byUID: search.uid, selected, account)
        } catch {
            // Whatever is said next stands on a line of its own.
            out.writeString("\r\n")
            throw error
        }
        out.writeString("\r\n")
        if damaged > 0 {
            out.writeStatus("*", .no, code: "CORRUPTION", "\(damaged) messages are damaged on disk and were not searched")
        }
        return .ok("Search completed")
    }

    /// No view outlives the call.
    private func criteria(_ key: SearchKey, _ selected: SelectedMailbox, _ account: Account) throws -> SearchCriteria {
        try SearchCriteria(key, self, selected.view(account), recent: selected.recent)
    }

    /// - Returns: how many messages could not be read.
    private func writeMatches(
        _ criteria: SearchCriteria, byUID: Bool, _ selected: SelectedMailbox, _ account: Account
    ) async throws -> Int {
        var batches = MessageBatches(criteria.candidates)
        var damaged = 0
        while let batch = try batches.next(selected.view(account)) {
            for entry in batch {
                do {
                    var candidate = SearchCandidate(entry, account.store)
                    if try criteria.matches(&candidate) {
                        out.writeString(" ")
                        out.writeDecimal(byUID ? Int(entry.message.uid.rawValue) : entry.number)
                    }
                } catch let error as StoreError where error.kind == .corrupt {
                    // One damaged message keeps nobody from the others.
                    logger.critical("damage", metadata: ["uid": "\(entry.message.uid)", "error": "\(error)"])
                    damaged += 1
                }
                // Others have the thread after each message that is read.
                if criteria.test.cost > 1 { await Task.yield() }
            }
            if out.readableBytes >= Session.flushSize { await flush() }
            await Task.yield()
            if connection.isClosed { state = leaving() }
            if state.isLoggedOut { break }
        }
        return damaged
    }
}
