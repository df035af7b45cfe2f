import MailModel

@testable import Varve

/// An account as plain values: what the engine must agree with.
struct Model {
    struct Message: Equatable {
        var uid: UInt32
        /// Which of the bodies.
        var body: Int
        var system: SystemFlags
        /// In lower case.
        var keywords: Set<String>
        var modSeq: UInt64
    }

    struct Mailbox {
        var name: String
        var uidValidity: UInt32
        var uidNext: UInt32 = 1
        var highestModSeq: UInt64
        var firstRecent: UInt32 = 1
        /// Ascending in UID.
        var messages: [Message] = []
        var vanished: [(uid: UInt32, modSeq: UInt64)] = []

        func index(of uid: UInt32) -> Int? {
            var low = 0
            var high = messages.count
            while low < high {
                let middle = (low + high) / 2
                if messages[middle].uid < uid { low = middle + 1 } else { high = middle }
            }
            return low < messages.count && messages[low].uid == uid ? low : nil
        }

        func vanished(since modSeq: UInt64) -> Set<UInt32> {
            // The youngest stand last.
            var result: Set<UInt32> = []
            for entry in vanished.reversed() {
                if entry.modSeq <= modSeq { break }
                result.insert(entry.uid)
            }
            return result
        }
    }

    var modSeq: UInt64 = 1
    var mailboxes: [UInt32: Mailbox] = [:]
    var subscriptions: Set<String> = []
    var lastUIDValidity: UInt32 = 0

    func id(_ name: String) -> UInt32? { mailboxes.first { $0.value.name == name }?.key }
    func hasName(_ name: String) -> Bool { mailboxes.values.contains { $0.name == name } }

    // MARK: Changes, by the commit `modSeq + 1`

    private var next: UInt64 { modSeq + 1 }

    mutating func append(_ body: Int, to mailbox: UInt32, _ system: SystemFlags, _ keywords: Set<String>) -> UInt32 {
        let uid = mailboxes[mailbox]!.uidNext
        mailboxes[mailbox]!.messages.append(Message(uid: uid, body: body, system: system, keywords: keywords, modSeq: next))
        mailboxes[mailbox]!.uidNext += 1
        mailboxes[mailbox]!.highestModSeq = next
        return uid
    }

    /// - Returns: UIDs of those that became others.
    mutating func changeFlags(
        _ operation: Int, _ system: SystemFlags, _ keywords: Set<String>, of uids: UIDSet, in mailbox: UInt32
    ) -> Set<UInt32> {
        var changed: Set<UInt32> = []
        for i in mailboxes[mailbox]!.messages.indices where uids.contains(UID(mailboxes[mailbox]!.messages[i].uid)) {
            var message = mailboxes[mailbox]!.messages[i]
            switch operation {
            case 0:
                message.system.formUnion(system)
                message.keywords.formUnion(keywords)
            case 1:
                message.system.subtract(system)
                message.keywords.subtract(keywords)
            default:
                message.system = system
                message.keywords = keywords
            }
            guard message != mailboxes[mailbox]!.messages[i] else { continue }
            message.modSeq = next
            mailboxes[mailbox]!.messages[i] = message
            changed.insert(message.uid)
        }
        if !changed.isEmpty { mailboxes[mailbox]!.highestModSeq = next }
        return changed
    }

    mutating func expunge(_ uids: UIDSet, in mailbox: UInt32, onlyDeleted: Bool) -> [UInt32] {
        let victims = mailboxes[mailbox]!.messages.filter {
            uids.contains(UID($0.uid)) && (!onlyDeleted || $0.system.contains(.deleted))
        }.map(\.uid)
        guard !victims.isEmpty else { return [] }
        let gone = Set(victims)
        mailboxes[mailbox]!.messages.removeAll { gone.contains($0.uid) }
        mailboxes[mailbox]!.vanished.append(contentsOf: victims.map { ($0, next) })
        mailboxes[mailbox]!.highestModSeq = next
        return victims
    }

    mutating func copy(_ uids: UIDSet, from source: UInt32, to target: UInt32) -> [UInt32] {
        let originals = mailboxes[source]!.messages.filter { uids.contains(UID($0.uid)) }
        for message in originals { _ = append(message.body, to: target, message.system, message.keywords) }
        return originals.map(\.uid)
    }
}
