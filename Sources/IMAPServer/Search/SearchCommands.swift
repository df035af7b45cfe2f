import IMAPCodec
import MailModel
import NIOCore
import Varve

// SEARCH (RFC 3501 §6.4.4, §7.2.5), with RETURN (RFC 4731), `$` (RFC 5182), MODSEQ (RFC 7162 §3.1.5), PARTIAL (RFC 9394).

extension CommandTable {
    static let searchCommands = [
        CommandRow("SEARCH", .selected, mayShift: false, namesByNumber: true) { session, tagged in
            try await session.search(tagged)
        },
        CommandRow("UID SEARCH", .selected) { session, tagged in try await session.search(tagged) },
    ]
}

extension Session {
    fileprivate func search(_ tagged: TaggedCommand) async throws -> Reply {
        guard case .search(let search) = tagged.command, case .selected(let account, let selected) = state else {
            return .mismatch
        }
        var reply: Reply
        do {
            reply = try await self.search(search, tagged.tag, selected, account)
        } catch let error where !(error is MailboxGone) {
            reply = failure(error, in: tagged.command.name)
        }
        // RFC 5182 §2.1: a search that fails saves that nothing was found; one that is BAD is as if it had not been.
        if search.returns?.options.contains(.save) == true, reply.status == .no { selected.savedResult = UIDSet() }
        // RFC 7162 §3.2.10.2: not while numbers are spoken of; without UID the command's name says so.
        if search.key.hasSequenceNumbers { reply.mayShift = false }
        return reply
    }

    private func search(
        _ search: SearchCommand, _ tag: String, _ selected: SelectedMailbox, _ account: Account
    ) async throws -> Reply {
        if search.key.hasSequenceNumbers, enabled.contains(.uidOnly) {
            // RFC 9586 §3
            throw CommandFailure(Reply(status: .bad, code: "UIDREQUIRED", text: "Messages are named by UID alone"))
        }
        // RFC 7162 §3.1.5, §3.1.2.2.
        if search.key.hasModSeq { try useModSeqs(of: selected) }
        let saves = search.returns?.options.contains(.save) ?? false
        var run = SearchRun(
            plan: try plan(search.key, selected, account), account: account, selected: selected,
            keepsUIDs: search.uid || saves || search.key.hasModSeq, keepsNumbers: !search.uid)
        let outcome = try await outcome(search, &run)
        guard !state.isLoggedOut else { return .mismatch }
        let modSeq = search.key.hasModSeq ? try await highestModSeq(of: outcome.returned.uids, run) : nil
        if let returns = search.returns {
            // RFC 5182 §2.2: who only saves hears nothing.
            if returns.options != .save || returns.partial != nil {
                await writeExtended(outcome, returns, tag, byUID: search.uid, modSeq)
            }
        } else {
            await writePlain(outcome.returned, byUID: search.uid, modSeq)
        }
        if run.damaged > 0 {
            out.writeStatus("*", .no, code: "CORRUPTION", "\(run.damaged) messages are damaged on disk and were not searched")
        }
        if saves {
            let limit = server.limits.maximumSavedRanges
            guard outcome.returned.uids.ranges.count <= limit else {
                return .no("More than \(limit) runs of messages are not saved", code: "NOTSAVED")
            }
            selected.savedResult = outcome.returned.uids
        }
        return .ok("Search completed")
    }

    /// No view outlives the call.
    private func plan(_ key: SearchKey, _ selected: SelectedMailbox, _ account: Account) throws -> SearchPlan {
        try SearchPlan(key, self, selected.view(account), recent: selected.recent)
    }

    /// Finds what is to be told, and not much more: the first match, or the last few, do not ask for all of them.
    private func outcome(_ search: SearchCommand, _ run: inout SearchRun) async throws -> SearchOutcome {
        let needs = SearchNeeds(search)
        var count: Int?
        if needs.count { count = try run.countedMatches() }
        if needs.all || (needs.count && count == nil) {
            let all = try await findFirst(.max, &run)
            return SearchOutcome(all, needs, search.returns)
        }
        let none = SearchMatches(keepsUIDs: run.keepsUIDs, keepsNumbers: run.keepsNumbers)
        let head = needs.first > 0 ? try await findFirst(needs.first, &run) : none
        let tail = needs.last > 0 ? try await findLast(needs.last, &run) : none
        return SearchOutcome(head: head, tail: tail, count: count, search.returns)
    }

    // MARK: Responses

    /// `* SEARCH 2 84 882 (MODSEQ 917162500)`
    private func writePlain(_ matches: SearchMatches, byUID: Bool, _ modSeq: ModSeq?) async {
        out.writeString("* SEARCH")
        for range in (byUID ? matches.uids : matches.numbers).ranges {
            for number in range.first.rawValue...range.last.rawValue {
                out.writeString(" ")
                out.writeDecimal(number)
                await flushIfLarge()
                if state.isLoggedOut { return }
            }
        }
        if let modSeq { out.writeString(" (MODSEQ \(modSeq))") }
        out.writeString("\r\n")
    }

    /// `* ESEARCH (TAG "a") UID MIN 2 MAX 23 COUNT 10 MODSEQ 917162500`
    private func writeExtended(
        _ outcome: SearchOutcome, _ returns: SearchReturns, _ tag: String, byUID: Bool, _ modSeq: ModSeq?
    ) async {
        func shown(_ matches: SearchMatches) -> UIDSet { byUID ? matches.uids : matches.numbers }
        out.writeString("* ESEARCH (TAG ")
        out.writeIMAPString(tag)
        out.writeString(byUID ? ") UID" : ")")
        if returns.options.contains(.min), let first = shown(outcome.head).first { out.writeString(" MIN \(first)") }
        if returns.options.contains(.max), let last = shown(outcome.tail).last { out.writeString(" MAX \(last)") }
        if returns.options.contains(.all), outcome.head.count > 0 {
            out.writeString(" ALL ")
            await write(shown(outcome.head))
        }
        if returns.options.contains(.count) { out.writeString(" COUNT \(outcome.count ?? outcome.head.count)") }
        if let range = returns.partial {
            let sign = range.isFromEnd ? "-" : ""
            out.writeString(" PARTIAL (\(sign)\(range.first):\(sign)\(range.last) ")
            let part = shown(outcome.partial)
            if part.isEmpty { out.writeString("NIL") } else { await write(part) }
            out.writeString(")")
        }
        if let modSeq { out.writeString(" MODSEQ \(modSeq)") }
        out.writeString("\r\n")
    }

    private func write(_ set: UIDSet) async {
        var isFirst = true
        for range in set.ranges {
            if !isFirst { out.writeString(",") }
            isFirst = false
            out.writeSet(UIDSet(range))
            await flushIfLarge()
            if state.isLoggedOut { return }
        }
    }
}
