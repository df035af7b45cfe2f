import MailModel
import Synchronization

/// What the sessions of a run know together: which mailboxes there are, who uses them, what each message is, and in lockstep
/// also what the server must hold.
final class World: Sendable {
    /// A mailbox that a session may use until it gives it back: nobody renames or deletes it meanwhile.
    struct Lease: Sendable {
        let id: Int
        let name: String
    }

    /// A message as the server must hold it. Flags are nil where they cannot be known.
    struct Known: Sendable {
        var flags: Set<String>?
        /// An expunge came by while nobody knew whether it was \Deleted.
        var mayBeGone = false
    }

    fileprivate struct Box {
        let id: Int
        var name: String
        let isFixed: Bool
        var users = 0
        var uidValidity: UInt32?
        var messages: [UInt32: Known] = [:]
        /// What each UID is, also those that are gone.
        var contents: [UInt32: String] = [:]
        /// UIDs of APPENDUID and COPYUID.
        var given: Set<UInt32> = []
        /// Which session was shown \Recent.
        var recent: [UInt32: Int] = [:]
        var uidNext: UInt32 = 1
        var highestModSeq: UInt64 = 0
    }

    private struct State {
        var boxes: [Box] = []
        var lastID = 0
        /// UIDVALIDITYs that mailboxes of a name have had, with the mailbox.
        var validities: [String: [UInt32: Int]] = [:]
        var report = StressReport()
    }

    let plan: StressPlan
    private let state = Mutex(State())

    init(_ plan: StressPlan) { self.plan = plan }

    var report: StressReport { state.withLock { $0.report } }
    func count(_ change: (inout StressReport) -> Void) { state.withLock { change(&$0.report) } }

    // MARK: Mailboxes

    func created(_ name: String, isFixed: Bool) {
        state.withLock { state in
            state.lastID += 1
            state.boxes.append(Box(id: state.lastID, name: name, isFixed: isFixed))
        }
    }

    var mailboxes: [Lease] { state.withLock { $0.boxes.map { Lease(id: $0.id, name: $0.name) } } }

    /// Any mailbox.
    func lease(_ random: inout some RandomNumberGenerator) -> Lease {
        state.withLock { state in
            let index = Int.random(in: 0..<state.boxes.count, using: &random)
            state.boxes[index].users += 1
            return Lease(id: state.boxes[index].id, name: state.boxes[index].name)
        }
    }

    /// The same mailbox once more; nil if it is there no longer.
    func lease(_ id: Int) -> Lease? {
        state.withLock { state in
            guard let index = state.boxes.firstIndex(where: { $0.id == id }) else { return nil }
            state.boxes[index].users += 1
            return Lease(id: id, name: state.boxes[index].name)
        }
    }

    func release(_ lease: Lease) {
        change(lease.id) { $0.users -= 1 }
    }

    /// A mailbox that nobody uses and that may go; nobody gets it any more until `putBack`.
    func takeUnused(_ random: inout some RandomNumberGenerator) -> Taken? {
        state.withLock { state in
            let free = state.boxes.indices.filter { !state.boxes[$0].isFixed && state.boxes[$0].users == 0 }
            guard let index = free.randomElement(using: &random) else { return nil }
            return Taken(box: state.boxes.remove(at: index))
        }
    }

    struct Taken: Sendable {
        fileprivate var box: Box
        var name: String { box.name }
    }

    func putBack(_ taken: Taken, name: String) {
        state.withLock { state in
            var box = taken.box
            box.name = name
            let index = state.boxes.firstIndex { $0.id > box.id } ?? state.boxes.count
            state.boxes.insert(box, at: index)
        }
    }

    private func change<Result>(_ id: Int, _ body: (inout Box) throws -> Result) rethrows -> Result? {
        try state.withLock { state in
            guard let index = state.boxes.firstIndex(where: { $0.id == id }) else { return nil }
            return try body(&state.boxes[index])
        }
    }

    // MARK: What the server said of a mailbox

    /// UIDVALIDITY is one mailbox' for ever (RFC 3501 §2.3.1.1), UIDNEXT and HIGHESTMODSEQ do not go back.
    func opened(_ lease: Lease, uidValidity: UInt32, uidNext: UInt32, highestModSeq: UInt64?) throws {
        try state.withLock { state in
            guard let index = state.boxes.firstIndex(where: { $0.id == lease.id }) else { return }
            if let owner = state.validities[lease.name]?[uidValidity] {
                try require(owner == lease.id, "UIDVALIDITY \(uidValidity) of \(lease.name) was that of an earlier mailbox")
            }
            state.validities[lease.name, default: [:]][uidValidity] = lease.id
            if let known = state.boxes[index].uidValidity, known != uidValidity {
                // Allowed for a mailbox that was renamed; what was known of it is worth nothing.
                state.boxes[index].messages = [:]
                state.boxes[index].contents = [:]
                state.boxes[index].given = []
                state.boxes[index].recent = [:]
                state.boxes[index].uidNext = 1
                state.boxes[index].highestModSeq = 0
            }
            state.boxes[index].uidValidity = uidValidity
            let known = state.boxes[index]
            state.boxes[index].uidNext = max(known.uidNext, uidNext)
            // What several sessions are answered at once may be read here in another order.
            guard plan.isLockstep else { return }
            try require(uidNext >= known.uidNext, "UIDNEXT goes back from \(known.uidNext) to \(uidNext)")
            guard let highestModSeq else { return }
            try require(
                highestModSeq >= known.highestModSeq,
                "HIGHESTMODSEQ goes back from \(known.highestModSeq) to \(highestModSeq)")
            state.boxes[index].highestModSeq = highestModSeq
        }
    }

    /// Whoever selects a mailbox for writing takes the \Recent of its messages (RFC 3501 §2.3.2).
    func isShownRecent(_ box: Int, uid: UInt32, to selection: Int) throws {
        guard !plan.quirks.contains(.sharedRecent) else { return }
        try change(box) { box in
            let other = box.recent.updateValue(selection, forKey: uid)
            try require(other == nil || other == selection, "UID \(uid) is \\Recent for a second session")
        }
    }

    // MARK: Messages

    /// A UID that the server gave to a message (RFC 4315 §3).
    func added(_ box: Int, uidValidity: UInt32, _ uid: UInt32, content: String?, flags: Set<String>?) throws {
        try change(box) { box in
            if let known = box.uidValidity {
                try require(known == uidValidity, "UIDVALIDITY is \(uidValidity) in the response code, and was \(known)")
            }
            box.uidValidity = uidValidity
            try require(uid > 0 && box.given.insert(uid).inserted, "UID \(uid) is given to a second message")
            // Another session may have read it before this answer was.
            if let content {
                let read = box.contents.updateValue(content, forKey: uid) ?? content
                try require(read == content, "UID \(uid) is the message \(read), and was to be \(content)")
            }
            box.messages[uid] = Known(flags: flags)
        }
    }

    func content(_ box: Int, _ uid: UInt32) -> String? { change(box) { $0.contents[uid] } ?? nil }
    func flags(_ box: Int, _ uid: UInt32) -> Set<String>? { change(box) { $0.messages[uid]?.flags } ?? nil }

    /// A message that was read: one UID, one message.
    func read(_ box: Int, _ uid: UInt32, content: String) throws {
        try change(box) { box in
            let known = box.contents.updateValue(content, forKey: uid) ?? content
            try require(known == content, "UID \(uid) is the message \(content), and was to be \(known)")
        }
    }

    /// Flags that were set without doubt, or nil where nobody knows what happened.
    func stored(_ box: Int, _ uids: some Sequence<UInt32>, _ change: FlagChange?) {
        self.change(box) { box in
            for uid in uids {
                guard let message = box.messages[uid] else { continue }
                // A replacement is known whatever was before.
                let old = change?.sign == .replace ? [] : message.flags
                box.messages[uid]!.flags = change.flatMap { change in old.map { change.applied(to: $0) } }
            }
        }
    }

    func removed(_ box: Int, _ uids: some Sequence<UInt32>) {
        change(box) { box in for uid in uids { box.messages[uid] = nil } }
    }

    /// EXPUNGE, CLOSE, and with a set UID EXPUNGE. Whether it also takes messages that the session was not told of, is the
    /// server's choice.
    /// - Parameter known: what the session that did it knew, before it did.
    func expunged(_ box: Int, _ set: UIDSet? = nil, known: Replica) {
        let present = Set(known.uids)
        let deleted = plan.quirks.contains(.expungesKnown) ? known.deleted : present
        change(box) { box in
            for (uid, message) in box.messages where set?.contains(UID(uid)) ?? true {
                switch message.flags?.contains("\\deleted") {
                case true? where deleted.contains(uid): box.messages[uid] = nil
                case true?, nil: box.messages[uid]!.mayBeGone = true
                case false?: break
                }
            }
        }
    }

    // MARK: Comparison

    /// In lockstep: the client has what the server must have told. What nobody knew is known from then on.
    func compare(_ box: Int, _ messages: [Replica.Message]) throws {
        try change(box) { box in
            let found = Set(messages.compactMap(\.uid))
            for (uid, message) in box.messages where message.mayBeGone {
                if found.contains(uid) { box.messages[uid]!.mayBeGone = false } else { box.messages[uid] = nil }
            }
            let wanted = box.messages.keys.sorted()
            try require(found == Set(wanted), "the messages are \(wanted), and the client has \(found.sorted())")
            for message in messages {
                guard let uid = message.uid, let flags = message.flags else { continue }
                let wanted = box.messages[uid]?.flags ?? flags
                try require(
                    flags == wanted, "the flags of UID \(uid) are \(wanted.sorted()), and the client has \(flags.sorted())")
                box.messages[uid]?.flags = flags
            }
        }
    }

    /// The mailbox is this, by its own word.
    func settle(_ box: Int, _ messages: [Replica.Message]) {
        change(box) { box in
            box.messages = [:]
            for message in messages { if let uid = message.uid { box.messages[uid] = Known(flags: message.flags) } }
        }
    }
}
