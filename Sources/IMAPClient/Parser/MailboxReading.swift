import MailModel
import NIOCore

extension ResponseReading {
    /// RFC 3501 §9, mailbox-list; RFC 5258 §6, mbox-list-extended.
    static func list(_ isSubscription: Bool, _ cursor: inout ResponseCursor) throws(ResponseError) -> ListResponse {
        var list = ListResponse()
        list.isSubscription = isSubscription
        try cursor.space()
        list.attributes = try cursor.atoms("an attribute")
        try cursor.space()
        if let separator = try cursor.nstring("a separator") {
            guard separator.readableBytes == 1 else {
                throw ResponseError("a separator of \(separator.readableBytes) bytes")
            }
            list.separator = separator.readableBytesView.first
        }
        try cursor.space()
        list.name = try cursor.astring("a mailbox' name")
        if cursor.takes(.space), cursor.takes(UInt8(ascii: "(")) {
            while !cursor.takes(UInt8(ascii: ")")) {
                let name = try cursor.astring("the name of extended data").uppercased()
                try cursor.space()
                list.extended.append((name, try cursor.value()))
                while cursor.takes(.space) {}
            }
        }
        return list
    }

    /// RFC 3501 §9, status-att-list.
    static func mailboxStatus(_ cursor: inout ResponseCursor) throws(ResponseError) -> MailboxStatusResponse {
        var status = MailboxStatusResponse()
        try cursor.space()
        status.name = try cursor.astring("a mailbox' name")
        try cursor.space()
        try cursor.expect(UInt8(ascii: "("))
        while !cursor.takes(UInt8(ascii: ")")) {
            let item = try cursor.keyword("a status item")
            try cursor.space()
            switch item {
            case "MESSAGES": status.messages = try cursor.number32(item)
            case "RECENT": status.recent = try cursor.number32(item)
            case "UIDNEXT": status.uidNext = try cursor.number32(item)
            case "UIDVALIDITY": status.uidValidity = try cursor.number32(item)
            case "UNSEEN": status.unseen = try cursor.number32(item)
            case "DELETED": status.deleted = try cursor.number32(item)
            case "HIGHESTMODSEQ": status.highestModSeq = try cursor.modSeq()
            case "SIZE": status.size = try cursor.number(item, maximum: UInt64(Int64.max))
            case "MAILBOXID":
                try cursor.expect(UInt8(ascii: "("))
                status.mailboxID = try cursor.atom("a mailbox' identifier")
                try cursor.expect(UInt8(ascii: ")"))
            default: _ = try cursor.value()
            }
            while cursor.takes(.space) {}
        }
        return status
    }

    /// RFC 4731 §3.1, RFC 4466 §2.6.2.
    static func extendedSearch(_ cursor: inout ResponseCursor) throws(ResponseError) -> ExtendedSearchResponse {
        var result = ExtendedSearchResponse()
        while cursor.takes(.space) {}
        if cursor.takes(UInt8(ascii: "(")) {
            guard try cursor.keyword("TAG") == "TAG" else { throw cursor.wanted("TAG") }
            try cursor.space()
            result.tag = try cursor.astring("a tag")
            try cursor.expect(UInt8(ascii: ")"))
            while cursor.takes(.space) {}
        }
        while !cursor.isAtEnd {
            let name = try cursor.keyword("a search result's name")
            if name == "UID", cursor.isAtEnd || cursor.next == .space {
                result.isUID = true
            }
            guard name != "UID" else {
                while cursor.takes(.space) {}
                continue
            }
            try cursor.space()
            switch name {
            case "MIN": result.minimum = try cursor.number32(name)
            case "MAX": result.maximum = try cursor.number32(name)
            case "COUNT": result.count = try cursor.number32(name)
            case "ALL": result.all = UIDSet(try cursor.ranges("a number"))
            case "MODSEQ": result.modSeq = try cursor.modSeq()
            case "PARTIAL": result.partial = try partial(&cursor)
            default: _ = try cursor.value()
            }
            while cursor.takes(.space) {}
        }
        return result
    }

    /// RFC 9394 §3.1: `(1:500 3:7)` or `(1:500 NIL)`.
    private static func partial(_ cursor: inout ResponseCursor) throws(ResponseError) -> UIDSet {
        try cursor.expect(UInt8(ascii: "("))
        _ = try cursor.atom("a range")
        try cursor.space()
        let set: UIDSet
        if cursor.next?.isDigit == true {
            set = UIDSet(try cursor.ranges("a number"))
        } else {
            guard try cursor.keyword("NIL") == "NIL" else { throw cursor.wanted("NIL") }
            set = []
        }
        try cursor.expect(UInt8(ascii: ")"))
        return set
    }
}
