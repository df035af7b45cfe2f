/// The structure of RFC 3501 §7.4.2, ENVELOPE. `sender` and `replyTo` already have the value of `from` where the message
/// leaves them out or empty.
public struct EnvelopeReader {
    let start: UnsafeRawPointer

    public var date: UnsafeRawBufferPointer? { string(0) }
    public var subject: UnsafeRawBufferPointer? { string(1) }
    public var from: AddressListReader { addresses(0) }
    public var sender: AddressListReader {
        let sender = addresses(1)
        return sender.isEmpty ? from : sender
    }
    public var replyTo: AddressListReader {
        let replyTo = addresses(2)
        return replyTo.isEmpty ? from : replyTo
    }
    public var to: AddressListReader { addresses(3) }
    public var cc: AddressListReader { addresses(4) }
    public var bcc: AddressListReader { addresses(5) }
    public var inReplyTo: UnsafeRawBufferPointer? { idString(0) }
    public var messageID: UnsafeRawBufferPointer? { idString(1) }

    private func string(_ index: Int) -> UnsafeRawBufferPointer? {
        var cursor = SummaryCursor(at: start)
        cursor.passStrings(index)
        return cursor.string()
    }

    private func addresses(_ index: Int) -> AddressListReader {
        var cursor = SummaryCursor(at: start)
        cursor.passStrings(2)
        for _ in 0..<index { cursor.passList() }
        return AddressListReader(items: cursor.list())
    }

    private func idString(_ index: Int) -> UnsafeRawBufferPointer? {
        var cursor = SummaryCursor(at: start)
        cursor.passStrings(2)
        for _ in 0..<6 { cursor.passList() }
        cursor.passStrings(index)
        return cursor.string()
    }
}

/// Addresses of one field. A group is, as in RFC 3501 §7.4.2, a start entry (host nil, mailbox the group's name), its
/// members, and an end entry (host and mailbox nil).
///
/// A mailbox or host that an address lacks is empty, never nil: nil would make a group of it.
public struct AddressListReader: Sequence {
    public struct Address {
        public var name: UnsafeRawBufferPointer?
        /// Source route (at-domain-list).
        public var route: UnsafeRawBufferPointer?
        public var mailbox: UnsafeRawBufferPointer?
        public var host: UnsafeRawBufferPointer?
    }

    let items: UnsafeRawBufferPointer

    public var isEmpty: Bool { items.isEmpty }

    public struct Iterator: IteratorProtocol {
        var cursor: SummaryCursor
        let end: UnsafeRawPointer

        public mutating func next() -> Address? {
            guard cursor.at < end else { return nil }
            let name = cursor.string()
            let route = cursor.string()
            let mailbox = cursor.string()
            return Address(name: name, route: route, mailbox: mailbox, host: cursor.string())
        }
    }

    public func makeIterator() -> Iterator {
        Iterator(cursor: SummaryCursor(at: items.baseAddress!), end: items.baseAddress! + items.count)
    }
}
