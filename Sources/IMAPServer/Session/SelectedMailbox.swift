import IMAPCodec
import MailModel
import NIOCore
import Varve

/// What a session knows of the mailbox it has selected. Not a list of messages: a mark, which names the state up to which
/// everything has been reported, and the few things that are the session's own.
final class SelectedMailbox {
    let id: MailboxID
    let isReadOnly: Bool
    /// Mod-sequences are kept for it: SELECT said HIGHESTMODSEQ, not NOMODSEQ (RFC 7162 §3.1.2).
    let hasModSeqs: Bool
    /// Keeps readable what this session has not been told is gone.
    let pin: ViewPin
    /// How many keywords the account had when the client was last told which there are.
    var announcedKeywords = 0
    /// Messages that are \Recent for this session, as ranges of UIDs that may span such as do not exist.
    var recent: UIDSet
    /// Commits of this session after `pin.mark.changed` whose changes of flags the client has been told already, or has
    /// asked not to be told (STORE .SILENT, RFC 3501 §6.4.6).
    var toldCommits: Set<ModSeq> = []
    /// Messages of which the command in progress has told what others did, up to that state.
    var toldChanges: (uids: UIDSet, through: ModSeq)?
    /// The result of the last search that was asked to save it, `$` (RFC 5182 §2.1): as UIDs, which may meanwhile be gone.
    var savedResult = UIDSet()

    init(id: MailboxID, isReadOnly: Bool, hasModSeqs: Bool, pin: ViewPin, recent: UIDSet) {
        self.id = id
        self.isReadOnly = isReadOnly
        self.hasModSeqs = hasModSeqs
        self.pin = pin
        self.recent = recent
    }

    /// Whether the client knows of the message's last change although the mark is behind it.
    func hasTold(_ message: Message) -> Bool {
        if toldCommits.contains(message.modSeq) { return true }
        guard let toldChanges, message.modSeq <= toldChanges.through else { return false }
        return toldChanges.uids.contains(message.uid)
    }

    /// The mailbox as this session knows it, on the newest state of the account. To be held briefly.
    /// - Throws: a failure that tells the client that the mailbox is gone.
    func view(_ account: Account) throws -> View {
        guard let view = try account.store.snapshot().view(pin.mark) else { throw MailboxGone() }
        return view
    }
}

/// The selected mailbox has been deleted by another session.
struct MailboxGone: Error {}
