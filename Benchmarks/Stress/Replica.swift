import IMAPClient
import MailModel

/// A client's copy of a mailbox, made of what the server tells and nothing else.
struct Replica: Sendable {
    struct Message: Sendable, Equatable {
        /// Nil until the server has told.
        var uid: UInt32?
        /// In lower case, without `\recent`.
        var flags: Set<String>?
        var modSeq: UInt64?
        /// The flags and the MODSEQ need not be of the same moment: the flags are what the client expects of its own STORE,
        /// or only a MODSEQ was told.
        var isExpectation = false

        var isComplete: Bool { uid != nil && flags != nil }
    }

    /// A message's sequence number is its place from 1 on.
    private(set) var messages: [Message] = []
    var uidValidity: UInt32 = 0
    /// What a SELECT said.
    var uidNext: UInt32 = 0
    /// What may be given to QRESYNC or CHANGEDSINCE (RFC 7162 §6); 0 if there is nothing.
    var highestModSeq: UInt64 = 0
    /// UIDs that this client was told are gone.
    private var gone: Set<UInt32> = []

    /// UIDs in a VANISHED response beyond which it is not believed.
    private static let maximumVanished = 1 << 20

    init() {}

    var lastUID: UInt32 { messages.last { $0.uid != nil }?.uid ?? 0 }
    var uids: [UInt32] { messages.compactMap(\.uid) }
    var deleted: Set<UInt32> { Set(messages.filter { $0.flags?.contains("\\deleted") == true }.compactMap(\.uid)) }
    var firstIncomplete: Int? { messages.firstIndex { !$0.isComplete } }

    /// What a client has on disk when its connection breaks: nothing beyond the first message that it does not know in full,
    /// since on its return it asks for what follows its last UID.
    var stored: Replica {
        var result = self
        if let end = firstIncomplete { result.messages.removeSubrange(end...) }
        return result
    }

    // MARK: What the server tells of a selected mailbox

    mutating func exists(_ count: UInt32) throws {
        try require(count >= messages.count, "EXISTS says \(count) where there were \(messages.count) and none was expunged")
        try require(count <= 1 << 20, "EXISTS says \(count)")
        while messages.count < count { messages.append(Message()) }
    }

    mutating func expunge(_ number: UInt32) throws {
        try require(number <= messages.count, "EXPUNGE \(number) of \(messages.count) messages")
        if let uid = messages.remove(at: Int(number) - 1).uid { gone.insert(uid) }
    }

    /// VANISHED without EARLIER: each is one message fewer (RFC 7162 §3.2.10.2).
    mutating func vanish(_ set: UIDSet) throws {
        try require(set.count <= messages.count, "VANISHED \(set) of \(messages.count) messages")
        for uid in set.uids {
            let next = messages.firstIndex { ($0.uid ?? 0) >= uid } ?? messages.count
            if next < messages.count, messages[next].uid == uid {
                messages.remove(at: next)
            } else {
                // A message that was announced and whose UID has not been told.
                try require(next > 0 && messages[next - 1].uid == nil, "VANISHED \(uid), which this client was not told of")
                messages.remove(at: next - 1)
            }
            try require(gone.insert(uid).inserted, "UID \(uid) vanishes twice")
        }
    }

    /// VANISHED (EARLIER) of a mailbox that is being opened: what the client has kept of old (RFC 7162 §3.2.10.1).
    mutating func vanishEarlier(_ set: UIDSet) throws {
        messages.removeAll { message in
            guard let uid = message.uid, set.contains(UID(uid)) else { return false }
            gone.insert(uid)
            return true
        }
        if set.count <= Replica.maximumVanished { gone.formUnion(set.uids) }
    }

    /// Only these are left of what the client has kept.
    mutating func keepOnly(_ uids: Set<UInt32>) {
        messages.removeAll { message in
            guard let uid = message.uid, !uids.contains(uid) else { return false }
            gone.insert(uid)
            return true
        }
    }

    /// A FETCH response, whatever caused it.
    /// - Parameter setsSeen: the MODSEQ may be that from before the command set \Seen.
    mutating func fetched(_ fetch: FetchResponse, setsSeen: Bool = false) throws {
        guard let number = fetch.sequenceNumber else { throw Broken("UIDFETCH, and UIDONLY is not enabled") }
        try require(number <= messages.count, "FETCH of message \(number) of \(messages.count)")
        let index = Int(number) - 1
        if let uid = fetch.uid { try setUID(uid, index) }
        var message = messages[index]
        let flags = fetch.flags.map(Replica.normalised)
        if let modSeq = fetch.modSeq?.rawValue {
            if let known = message.modSeq {
                try require(modSeq >= known, "the MODSEQ of UID \(message.uid ?? 0) goes back from \(known) to \(modSeq)")
                if let flags, let old = message.flags, flags != old, !message.isExpectation, !setsSeen {
                    try require(
                        modSeq > known,
                        "UID \(message.uid ?? 0) has MODSEQ \(modSeq) with \(old.sorted()) and \(flags.sorted())")
                }
            }
            // What the flags are with it, is not told yet.
            if flags == nil, modSeq != message.modSeq { message.isExpectation = true }
            message.modSeq = modSeq
        }
        if let flags {
            message.flags = flags
            message.isExpectation = false
        }
        messages[index] = message
    }

    private mutating func setUID(_ uid: UInt32, _ index: Int) throws {
        if let known = messages[index].uid {
            return try require(known == uid, "message \(index + 1) has UID \(known), and now \(uid)")
        }
        let before = messages[..<index].last { $0.uid != nil }?.uid ?? 0
        let after = messages[index...].first { $0.uid != nil }?.uid ?? UInt32.max
        try require(before < uid && uid < after, "UID \(uid) of message \(index + 1) stands between \(before) and \(after)")
        try require(!gone.contains(uid), "UID \(uid) was gone and comes back")
        messages[index].uid = uid
    }

    // MARK: What the client does itself

    /// A client that says `.SILENT` knows what comes of it (RFC 3501 §6.4.6).
    mutating func store(_ change: FlagChange, at index: Int) {
        if let flags = messages[index].flags { messages[index].flags = change.applied(to: flags) }
        messages[index].isExpectation = true
    }

    /// The flags are to be asked for.
    mutating func forgetFlags(at index: Int) {
        messages[index].flags = nil
        messages[index].modSeq = nil
    }

    /// Begins a session with what was kept: so many messages are there, and the kept ones are the first of them.
    mutating func open(exists: Int) throws {
        try require(
            messages.count <= exists,
            "\(messages.count) known messages are not gone, and EXISTS says \(exists): "
                + "the client was not told of all that is expunged. It has \(uids)")
        while messages.count < exists { messages.append(Message()) }
    }

    /// A FETCH of a mailbox that is being opened, by its UID alone: its numbers are not known yet.
    mutating func refresh(_ fetch: FetchResponse) throws {
        guard let uid = fetch.uid, let index = messages.firstIndex(where: { $0.uid == uid }) else { return }
        var byPlace = fetch
        byPlace.sequenceNumber = UInt32(index + 1)
        try fetched(byPlace)
    }

    /// Takes over what was kept of messages whose UIDs have been told. Kept ones that are not among them are gone.
    mutating func resume(_ kept: Replica, _ known: [UInt32: Message]) throws {
        uidValidity = kept.uidValidity
        uidNext = kept.uidNext
        highestModSeq = kept.highestModSeq
        let present = Set(uids)
        for uid in present { try require(!kept.gone.contains(uid), "UID \(uid) was gone and comes back") }
        gone.formUnion(kept.gone)
        gone.formUnion(kept.uids.filter { !present.contains($0) })
        for (index, message) in messages.enumerated() {
            guard let uid = message.uid, let old = known[uid] else { continue }
            if let modSeq = message.modSeq, let oldModSeq = old.modSeq {
                try require(modSeq >= oldModSeq, "the MODSEQ of UID \(uid) goes back from \(oldModSeq) to \(modSeq)")
            }
            if message.flags == nil {
                messages[index].flags = old.flags
                messages[index].modSeq = old.modSeq
            }
        }
    }

    static func normalised(_ flags: [String]) -> Set<String> { Set(flags.map { $0.lowercased() }).subtracting(["\\recent"]) }
}

/// A STORE's sign and flags.
struct FlagChange: Sendable {
    enum Sign: String, Sendable { case add = "+", remove = "-", replace = "" }
    var sign: Sign
    var flags: [String]

    func applied(to old: Set<String>) -> Set<String> {
        let named = Set(flags.map { $0.lowercased() })
        return switch sign {
        case .add: old.union(named)
        case .remove: old.subtracting(named)
        case .replace: named
        }
    }
}

extension UIDSet {
    /// Each number of the set, ascending.
    var uids: some Sequence<UInt32> { ranges.lazy.flatMap { $0.first.rawValue...$0.last.rawValue } }
}
