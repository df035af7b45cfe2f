import IMAPCodec
import MailModel
import NIOCore
import Varve

// What happened since the session's mark, told to the client: two range scans, *vanished since* and *changed since*, and
// nothing at all when the account has no newer state.

extension Session {
    /// Messages are looked at in groups of so many.
    static let batchSize = 256

    /// Tells what has changed in the selected mailbox, and moves the mark.
    /// - Parameter mayShift: expunges may be told now (RFC 3501 §7.4.1: not while no command is in progress, nor in answer
    ///   to FETCH, STORE or SEARCH).
    @discardableResult
    func report(_ selected: SelectedMailbox, of account: Account, mayShift: Bool) async -> UpdateReport {
        do {
            return try await reportThrowing(selected, of: account, mayShift: mayShift)
        } catch is MailboxGone {
            await end("The selected mailbox has been deleted")
        } catch {
            await end(failure(error, in: "update").text)
        }
        return UpdateReport()
    }

    /// What is to be told is found in one look; each step then copies out what it needs of the newest state: while the client
    /// takes what is said, no state of the account is held. The pin keeps readable what the steps speak of, until the mark
    /// moves at the end.
    private func reportThrowing(
        _ selected: SelectedMailbox, of account: Account, mayShift: Bool
    ) async throws -> UpdateReport {
        let mark = selected.pin.mark
        let modSeq = account.store.snapshot().modSeq
        if mark.changed == modSeq, mark.vanished == modSeq { return UpdateReport() }

        let look = try look(mark, selected.told, account)
        var report = UpdateReport()
        var told = look.told
        // Where nothing has vanished there is nothing to be told, and the mark may move on.
        if mayShift || look.vanished.isEmpty {
            report.toldExpunges = !look.vanished.isEmpty
            try await reportVanished(look.vanished, selected, account)
        } else {
            report.owesExpunges = true
            told.vanished = mark.vanished
        }
        if told.uidNext > mark.uidNext { try await reportNew(told, selected, account) }
        try await reportChanged(look.changed, told, selected, account)
        guard !state.isLoggedOut else { return report }
        selected.pin.advance(to: told)
        selected.toldCommits = selected.toldCommits.filter { $0 > told.changed }
        selected.toldChanges = nil
        return report
    }

    /// What has happened since a mark, and the mark of one who has been told all of it.
    private struct Look {
        var vanished: UIDSet
        /// Of those that the client knows.
        var changed: UIDSet
        var told: ViewMark
    }

    /// Of one state, all of it: if changes were of a newer one than expunges, the client would be told of a mod-sequence above
    /// that of an expunge that it does not hear of, nor that it must wait for one (RFC 7162 §3.2).
    private func look(_ mark: ViewMark, _ known: UIDSet, _ account: Account) throws -> Look {
        let view = try view(mark, account)
        let changed = try view.changedSet(since: mark.changed).intersection(known)
        return Look(vanished: view.untoldVanished, changed: changed, told: view.newest)
    }

    /// A run of sequence numbers.
    private typealias Run = (first: Int, count: Int)

    /// UIDs of messages that have vanished untold, as ascending runs of sequence numbers.
    private func runs(_ vanished: UIDSet, _ selected: SelectedMailbox, _ account: Account) throws -> [Run] {
        let view = try selected.view(account)
        var runs: [Run] = []
        for range in vanished.ranges {
            guard let first = try view.sequenceNumber(of: range.first) else {
                throw StoreError(.corrupt, "message \(range.first) vanished untold, and is not in the index")
            }
            if let last = runs.last, last.first + last.count == first {
                runs[runs.count - 1].count += range.span
            } else {
                runs.append((first, range.span))
            }
        }
        return runs
    }

    /// VANISHED as ranges (RFC 7162 §3.2.10), or EXPUNGE for each message gone, the last first, so that the numbers of those
    /// before it stay as they are.
    private func reportVanished(_ vanished: UIDSet, _ selected: SelectedMailbox, _ account: Account) async throws {
        if vanished.isEmpty { return }
        if tellsVanished(of: selected) { return await writeVanished(vanished, earlier: false) }
        for run in try runs(vanished, selected, account).reversed() {
            for number in stride(from: run.first + run.count - 1, through: run.first, by: -1) {
                out.writeString("* ")
                out.writeDecimal(number)
                out.writeString(" EXPUNGE\r\n")
                await flushIfLarge()
                if state.isLoggedOut { return }
            }
        }
    }

    /// EXISTS and RECENT (RFC 3501 §7.3). The messages are \Recent for whoever comes first.
    private func reportNew(_ told: ViewMark, _ selected: SelectedMailbox, _ account: Account) async throws {
        try await claimRecent(selected, account)
        let view = try view(told, account)
        out.writeLine("* \(try view.count) EXISTS")
        out.writeLine("* \(try recentCount(view, selected)) RECENT")
    }

    /// FETCH FLAGS for each message that changed otherwise than by being new, or by what the client did itself.
    ///
    /// A message that has changed once more while others were told is left for the next time: its mod-sequence is above those
    /// of changes that this client hears of only then, and must not be told before them (RFC 7162 §3.2).
    private func reportChanged(
        _ changes: UIDSet, _ told: ViewMark, _ selected: SelectedMailbox, _ account: Account
    ) async throws {
        var batches = MessageBatches(changes)
        while let batch = try batches.next(view(told, account)) {
            for entry in batch
            where !entry.message.isExpunged && entry.message.modSeq <= told.changed && !selected.hasTold(entry.message) {
                writeChange(entry, selected)
            }
            await flushIfLarge()
            if state.isLoggedOut { return }
        }
    }

    private func view(_ mark: ViewMark, _ account: Account) throws -> View {
        guard let view = try account.store.snapshot().view(mark) else { throw MailboxGone() }
        return view
    }

    /// `* 5 FETCH (UID 7 MODSEQ (12) FLAGS (…))`: a response that the client did not ask for.
    /// - Parameter flags: false where it knows them, and is to hear of the mod-sequence alone (RFC 7162 §3.1.3).
    func writeChange(_ entry: MessageBatches.Entry, _ selected: SelectedMailbox, flags: Bool = true) {
        if entry.keywords.isEmpty || !flags { return writeQuickly(entry, selected, flags: flags) }
        if let account { announceKeywords(selected, account) }
        var isFirst = !writeFetchHead(entry.number, entry.message.uid, writesUID: true)
        if tellsModSeqs(of: selected) {
            separate(&isFirst)
            out.writeModSeq(entry.message.modSeq)
        }
        separate(&isFirst)
        out.writeString("FLAGS ")
        out.writeFlags(
            entry.message.flags, keywords: entry.keywords, recent: selected.recent.contains(entry.message.uid))
        out.writeString(")\r\n")
    }

    /// As `writeChange`, where no keyword is to be told: nearly always.
    private func writeQuickly(_ entry: MessageBatches.Entry, _ selected: SelectedMailbox, flags: Bool) {
        let message = entry.message
        let (uidOnly, modSeq) = (enabled.contains(.uidOnly), tellsModSeqs(of: selected))
        let isRecent = flags && selected.recent.contains(message.uid)
        out.writeLines(atMost: ResponseLine.maximumFetchBytes) { line in
            line.putFetch(entry.number, message.uid, uidOnly: uidOnly)
            if !uidOnly { line.putUID(message.uid) }
            if modSeq {
                if !uidOnly { line.put(" ") }
                line.putModSeq(message.modSeq)
            }
            if flags {
                if !uidOnly || modSeq { line.put(" ") }
                line.putFlags(message.flags, recent: isRecent)
            }
            line.put(")\r\n")
        }
    }

    /// `* 5 FETCH (`, with `UID 7` where asked; where messages are spoken of by UID alone `* 7 UIDFETCH (` (RFC 9586 §3.3).
    /// - Returns: whether an item has been written.
    func writeFetchHead(_ number: Int, _ uid: UID, writesUID: Bool) -> Bool {
        out.writeString("* ")
        if enabled.contains(.uidOnly) {
            out.writeDecimal(uid.rawValue)
            out.writeString(" UIDFETCH (")
            return false
        }
        out.writeDecimal(number)
        out.writeString(" FETCH (")
        guard writesUID else { return false }
        out.writeString("UID ")
        out.writeDecimal(uid.rawValue)
        return true
    }

    func separate(_ isFirst: inout Bool) {
        if !isFirst { out.writeString(" ") }
        isFirst = false
    }

    // MARK: \Recent

    /// Takes the messages that are \Recent for nobody; one who only looks (EXAMINE) sees them as recent and takes nothing
    /// (RFC 3501 §6.3.2).
    func claimRecent(_ selected: SelectedMailbox, _ account: Account) async throws {
        guard let info = try account.store.snapshot().mailbox(selected.id) else { throw MailboxGone() }
        guard info.firstRecent < info.uidNext else { return }
        if selected.isReadOnly {
            selected.recent.insert(UIDRange(info.firstRecent, UID(info.uidNext.rawValue - 1)))
            return
        }
        await mayWait()
        do {
            // A crash may forget it: then the messages are \Recent once more, which RFC 3501 §2.3.2 allows.
            let (from, to) = try account.store.commit(.relaxed) { tx in
                guard let mailbox = try tx.mailbox(selected.id) else { throw MailboxGone() }
                return (try tx.claimRecent(in: selected.id), mailbox.uidNext)
            }
            if from < to { selected.recent.insert(UIDRange(from, UID(to.rawValue - 1))) }
        } catch let error as StoreError where [.outOfSpace, .io, .readOnly].contains(error.kind) {
            // A mailbox can be opened although nothing can be written.
            logger.error("\\Recent cannot be claimed", metadata: ["error": "\(error)"])
        }
    }

    func recentCount(_ view: View, _ selected: SelectedMailbox) throws -> Int {
        var count = 0
        for range in selected.recent.ranges { count += try view.count(in: range) }
        return count
    }
}

/// What a client has been told of expunges.
struct UpdateReport {
    var toldExpunges = false
    /// Some have happened that may not be told now (RFC 3501 §7.4.1).
    var owesExpunges = false
}
