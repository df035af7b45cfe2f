import MailModel
import Varve

/// What LIST knows of a name.
struct ListEntry {
    /// Nil: the name is no mailbox'.
    var mailbox: MailboxID?
    /// Known where the query wants it known.
    var isSubscribed: Bool
    /// A pattern matches.
    var isMatch: Bool
    /// It meets the selection criteria.
    var isSelected = false
    /// There are mailboxes below it; known where the query wants it known.
    var hasInferiors = false
    /// Known where the query wants it known.
    var status: MailboxStatus?

    var specialUse: SpecialUse { status?.specialUse ?? [] }

    // For RECURSIVEMATCH:

    /// A name below it meets the selection criteria, …
    var hasSelectedInferior = false
    /// … and no pattern matches one such name, so that it will not be told.
    var hasHiddenInferior = false

    init(mailbox: MailboxID?, isSubscribed: Bool, isMatch: Bool) {
        self.mailbox = mailbox
        self.isSubscribed = isSubscribed
        self.isMatch = isMatch
    }
}

/// The names below which more may come in a walk in the order of names: each is the beginning of the next. At most as many
/// as a name has bytes.
struct OpenNames {
    /// The name that came last.
    private var last: [UInt8] = []
    private var entries: [(length: Int, entry: ListEntry)] = []

    /// Takes away what is complete when `name` comes, or all, the lowest first.
    mutating func close(before name: UnsafeRawBufferPointer?, _ body: (UnsafeRawBufferPointer, ListEntry) -> Void) {
        last.withUnsafeBytes { last in
            var common = 0
            if let name {
                while common < min(last.count, name.count), last[common] == name[common] { common += 1 }
            }
            while let (length, entry) = entries.last {
                // Behind `a` come `a-b` and `a/b`, and then nothing more that is below it.
                if let name, length <= common, length < name.count, name[length] <= UInt8(ascii: "/") { return }
                body(UnsafeRawBufferPointer(rebasing: last[..<length]), entry)
                entries.removeLast()
            }
        }
    }

    /// - Precondition: `close(before: name)` has been called.
    mutating func append(_ name: UnsafeRawBufferPointer, _ entry: ListEntry) {
        last.removeAll(keepingCapacity: true)
        last.append(contentsOf: name)
        entries.append((name.count, entry))
    }

    /// A name that is to be appended meets the selection criteria: tells those above it.
    /// - Parameter isHidden: no pattern matches it.
    mutating func noteSelected(_ name: UnsafeRawBufferPointer, isHidden: Bool) {
        for index in entries.indices.reversed() where name[entries[index].length] == UInt8(ascii: "/") {
            // Those above this one know as much.
            if entries[index].entry.hasSelectedInferior, entries[index].entry.hasHiddenInferior || !isHidden { return }
            entries[index].entry.hasSelectedInferior = true
            if isHidden { entries[index].entry.hasHiddenInferior = true }
        }
    }
}
