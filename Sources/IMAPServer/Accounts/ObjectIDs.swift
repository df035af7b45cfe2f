import MailModel
import Varve

/// What RFC 8474 names mailboxes and messages by, in an account.
///
/// An identity is one content's for as long as the account goes on. An account that was restored to an earlier state may
/// give anew what was given after that, to other content; then its mailboxes get new UIDVALIDITYs, INBOX among them, which
/// is always there and has no other reason to get one. So with INBOX's UIDVALIDITY beside it no identity ever means
/// two things, as RFC 8474 §5.1 demands, nor changes under one UIDVALIDITY.
struct ObjectIDs: Sendable {
    let inbox: UIDValidity

    init(_ store: Store) throws(StoreError) {
        inbox = try store.snapshot().mailbox(named: MailboxName.inbox)?.uidValidity ?? UIDValidity(0)
    }

    /// EMAILID (RFC 8474 §5.1): copies have their original's.
    func email(_ identity: MessageIdentity) -> String { "M\(inbox)-\(identity)" }

    /// The identity that an EMAILID tells; nil for what is none of this account's.
    func identity(_ id: String) -> MessageIdentity? {
        guard let dash = id.firstIndex(of: "-"), let number = UInt64(id[id.index(after: dash)...]) else { return nil }
        let identity = MessageIdentity(number)
        // Case counts (RFC 8474 §7), and no other spelling of the number is the same id.
        return email(identity) == id ? identity : nil
    }
}
