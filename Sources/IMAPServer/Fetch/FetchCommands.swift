import IMAPCodec
import MailModel
import NIOCore
import Varve

// FETCH (RFC 3501 §6.4.5, §7.4.2).

extension CommandTable {
    static let fetchCommands = [
        CommandRow("FETCH", .selected, mayShift: false, namesByNumber: true, isQuick: true) { session, tagged in
            try await session.fetch(tagged.command)
        },
        CommandRow("UID FETCH", .selected, isQuick: true) { session, tagged in try await session.fetch(tagged.command) },
    ]
}

extension Session {
    fileprivate func fetch(_ command: Command) async throws -> Reply {
        guard case .fetch(let fetch) = command, case .selected(let account, let selected) = state else { return .mismatch }
        var uids = try resolve(fetch.set, byUID: fetch.uid, in: selected, of: account)
        // RFC 9394 §3.4: the range is of what the set names, whether it has changed or not.
        if let partial = fetch.partial { uids = try cut(uids, partial, selected.view(account)) }
        if fetch.changedSince != nil || fetch.items.contains(.modSeq) { try useModSeqs(of: selected) }
        if let since = fetch.changedSince {
            uids = try await changedSince(ModSeq(since), uids, fetch, selected, account)
        }
        let plan = FetchPlan(fetch, isReadOnly: selected.isReadOnly, tellsModSeqs: tellsModSeqs(of: selected))
        if plan.needsBody || plan.setsSeen { await mayWait() }
        var batches = MessageBatches(uids)
        var damaged = 0
        while true {
            let start = batches
            guard var batch = try batches.next(selected.view(account)) else { break }
            var seen = UIDSet()
            if plan.setsSeen {
                seen = try await markSeen(batch, selected, account)
                if !seen.isEmpty {
                    // Others may have changed the same messages just before: what is told must have all of it.
                    batches = start
                    batch = try batches.next(selected.view(account)) ?? []
                }
            }
            if plan.asksFlags || plan.setsSeen, batch.contains(where: { !$0.keywords.isEmpty }) {
                announceKeywords(selected, account)
            }
            var index = 0
            while index < batch.count {
                if plan.isQuick {
                    let quick = batch[index...].prefix { $0.keywords.isEmpty }
                    writeQuickly(quick, plan, selected)
                    index = quick.endIndex
                    guard index < batch.count else { break }
                }
                let entry = batch[index]
                index += 1
                var message = FetchedMessage(entry, store: account.store)
                message.isNowSeen = seen.contains(message.message.uid)
                message.isRecent = selected.recent.contains(message.message.uid)
                do {
                    try await write(message, plan)
                } catch let error as StoreError where error.kind == .corrupt {
                    // One damaged message keeps nobody from the others.
                    logger.critical("damage", metadata: ["uid": "\(message.message.uid)", "error": "\(error)"])
                    damaged += 1
                    // It has \Seen now all the same, which nothing else tells.
                    if message.isNowSeen, !state.isLoggedOut { writeChange(entry, selected) }
                }
                if state.isLoggedOut { return .mismatch }
            }
            await flushIfLarge()
        }
        if damaged > 0 {
            return .no("\(damaged) messages are damaged on disk; the operator has been told", code: "CORRUPTION")
        }
        return .ok("Fetch completed")
    }

    /// Those of `uids` that changed, after those of the set that have vanished (RFC 7162 §3.1.4.1, §3.2.6).
    private func changedSince(
        _ modSeq: ModSeq, _ uids: UIDSet, _ fetch: FetchCommand, _ selected: SelectedMailbox, _ account: Account
    ) async throws -> UIDSet {
        guard fetch.vanished else { return try changes(since: modSeq, among: uids, selected, account).changed }
        guard enabled.contains(.qresync) else {
            throw CommandFailure(.bad("VANISHED wants ENABLE QRESYNC (RFC 7162 section 3.2.3)"))
        }
        // `*` stands for the last message that there ever was, so that it may be told to be gone.
        let asked = fetch.set.isSavedResult ? uids : fetch.set.resolved(last: selected.pin.mark.uidNext.rawValue - 1)
        let (vanished, changed) = try changes(since: modSeq, among: asked.intersection(selected.told), selected, account)
        await writeVanished(vanished, earlier: true)
        return changed.intersection(uids)
    }

    /// Sets \Seen on the messages that are about to be read (RFC 3501 §6.4.5, BODY[…]).
    /// - Returns: those that did not have it.
    private func markSeen(
        _ batch: [MessageBatches.Entry], _ selected: SelectedMailbox, _ account: Account
    ) async throws -> UIDSet {
        let unseen = UIDSet(
            batch.lazy.map(\.message).filter { !$0.flags.contains(.seen) && !$0.isExpunged }.map(\.uid))
        guard !unseen.isEmpty else { return unseen }
        let (changed, modSeq): (UIDSet, ModSeq)
        do {
            (changed, modSeq) = try await account.commit { tx in
                guard try tx.mailbox(selected.id) != nil else { throw MailboxGone() }
                return try tx.changeFlags(.add([.seen]), of: unseen, in: selected.id)
            }
        } catch let error as StoreError where [.outOfSpace, .io, .readOnly].contains(error.kind) {
            // Mail can be read although nothing can be written.
            logger.error("\\Seen cannot be set", metadata: ["error": "\(error)"])
            return UIDSet()
        }
        // `write` tells of them.
        if !changed.isEmpty { selected.toldCommits.insert(modSeq) }
        return unseen
    }
}

/// What a FETCH asks for, seen once for all its messages.
struct FetchPlan {
    let items: [FetchItem]
    /// The client's items are to be answered with UID, whether it is among them or not (RFC 3501 §6.4.8).
    let addsUID: Bool
    let asksFlags: Bool
    /// The client is to hear of mod-sequences with every change.
    let tellsModSeqs: Bool
    let setsSeen: Bool
    /// Something is asked for that the index does not know.
    let needsBody: Bool
    /// Nothing but what synchronising clients ask for of all messages: flags, UID, mod-sequence, size.
    let isQuick: Bool

    init(_ fetch: FetchCommand, isReadOnly: Bool, tellsModSeqs: Bool) {
        // RFC 7162 §3.1.4.1: CHANGEDSINCE asks for MODSEQ, too.
        let addsModSeq = fetch.changedSince != nil && !fetch.items.contains(.modSeq)
        items = addsModSeq ? fetch.items + [.modSeq] : fetch.items
        self.tellsModSeqs = tellsModSeqs
        addsUID = fetch.uid && !fetch.items.contains(.uid)
        asksFlags = fetch.items.contains(.flags)
        needsBody = fetch.items.contains { item in
            switch item {
            case .section, .envelope, .body, .bodyStructure: true
            case .flags, .internalDate, .size, .uid, .modSeq, .emailID, .threadID, .saveDate: false
            }
        }
        isQuick = items.allSatisfy { [.flags, .uid, .modSeq, .size].contains($0) }
        setsSeen =
            !isReadOnly
            && fetch.items.contains { item in
                if case .section(let section) = item { !section.peek } else { false }
            }
    }
}

/// A message on its way to the client; its body is opened when something of it is asked for.
struct FetchedMessage {
    let number: Int
    let message: Message
    let store: Store
    let keywords: [String]
    var isRecent = false
    /// It got \Seen by this very FETCH.
    var isNowSeen = false
    private var opened: MessageBody?

    init(_ entry: MessageBatches.Entry, store: Store) {
        number = entry.number
        message = entry.message
        keywords = entry.keywords
        self.store = store
    }

    mutating func body() throws -> MessageBody {
        if let opened { return opened }
        let body = try store.body(of: message)
        opened = body
        return body
    }
}
