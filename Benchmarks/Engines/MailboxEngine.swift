/// A store that can hold mailboxes, as the bench sees it.
public protocol MailboxEngine: AnyObject, Sendable {
    static var name: String { get }
}
