import Varve

/// A mailbox's name as the store has it. INBOX is one mailbox however it is spelt (RFC 3501 §5.1), and so what lies below it
/// lies below one.
func inboxName(_ name: String) -> String {
    let levels = name.split(separator: MailboxName.delimiter, maxSplits: 1, omittingEmptySubsequences: false)
    guard levels[0].uppercased() == MailboxName.inbox else { return name }
    return ([MailboxName.inbox[...]] + levels.dropFirst()).joined(separator: "/")
}
