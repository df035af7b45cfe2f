import IMAPCodec
import MailModel
import NIOCore
import Varve

// Which flags there are: the five of RFC 3501 §2.3.2 and all keywords of the account, among them flags that begin with `\`
// and that a profile defines (flag-extension, RFC 3501 §9). Any of them may stand on any message, and any may be made.

extension Session {
    /// FLAGS and PERMANENTFLAGS once more, if there are keywords that the client has not been told of: a flag that FETCH
    /// tells is one that FLAGS has named (RFC 3501 §7.2.6). To be called where a message with keywords has been read whose
    /// flags are to be told, before they are written.
    /// - Complexity: O(1) where there is nothing new.
    func announceKeywords(_ selected: SelectedMailbox, _ account: Account) {
        let snapshot = account.store.snapshot()
        guard snapshot.keywordCount > selected.announcedKeywords else { return }
        writeFlagNames(snapshot, selected)
        writePermanentFlags(snapshot, selected)
    }

    /// `* FLAGS (…)` (RFC 3501 §7.2.6)
    func writeFlagNames(_ snapshot: Snapshot, _ selected: SelectedMailbox) {
        out.writeString("* FLAGS ")
        out.writeFlags(.all, keywords: snapshot.keywords.sorted(), recent: false)
        out.writeString("\r\n")
        selected.announcedKeywords = snapshot.keywordCount
    }

    /// `* OK [PERMANENTFLAGS (…)]` (RFC 3501 §7.1): `\*` says that new keywords can be made.
    func writePermanentFlags(_ snapshot: Snapshot, _ selected: SelectedMailbox) {
        out.writeString("* OK [PERMANENTFLAGS ")
        if selected.isReadOnly {
            out.writeString("()")
        } else {
            out.writeFlags(.all, keywords: snapshot.keywords.sorted(), recent: false)
            // In place of the closing parenthesis.
            out.moveWriterIndex(to: out.writerIndex - 1)
            out.writeString(" \\*)")
        }
        out.writeString("] Flags that are kept\r\n")
    }
}
