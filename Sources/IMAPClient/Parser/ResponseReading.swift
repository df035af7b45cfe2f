import MailModel
import NIOCore

/// The syntax of responses (RFC 3501 §9, response), each kind in its function.
enum ResponseReading {
    /// - Parameter bytes: one response with its line end.
    static func read(_ bytes: ByteBuffer, _ limits: ResponseLimits) -> Response {
        bytes.withUnsafeReadableBytes { raw in
            var cursor = ResponseCursor(bytes, raw, maximumNesting: limits.maximumNesting)
            do throws(ResponseError) {
                return try response(&cursor)
            } catch {
                return .unreadable(bytes, reason: error.description)
            }
        }
    }

    private static func response(_ cursor: inout ResponseCursor) throws(ResponseError) -> Response {
        if cursor.takes(UInt8(ascii: "+")) {
            _ = cursor.takes(.space)
            return .continuation(cursor.restAsText())
        }
        guard cursor.takes(UInt8(ascii: "*")) else {
            let tag = String(decoding: cursor.takeWhile { $0 > .space }, as: UTF8.self)
            guard !tag.isEmpty else { throw cursor.wanted("a tag") }
            try cursor.space()
            let word = try cursor.keyword("OK, NO or BAD")
            guard let condition = StatusResponse.Condition(rawValue: word) else { throw cursor.wanted("OK, NO or BAD") }
            return .status(try status(tag, condition, &cursor))
        }
        try cursor.space()
        if cursor.next?.isDigit == true { return try numbered(&cursor) }
        let name = try cursor.keyword("a response's name")
        if let condition = StatusResponse.Condition(rawValue: name) { return .status(try status(nil, condition, &cursor)) }
        switch name {
        case "CAPABILITY": return .capability(try words(&cursor))
        case "ENABLED": return .enabled(try words(&cursor))
        case "FLAGS":
            try cursor.space()
            return .flags(try cursor.atoms("a flag"))
        case "LIST", "LSUB": return .list(try list(name == "LSUB", &cursor))
        case "STATUS": return .mailboxStatus(try mailboxStatus(&cursor))
        case "SEARCH": return try search(&cursor)
        case "ESEARCH": return .extendedSearch(try extendedSearch(&cursor))
        case "VANISHED": return try vanished(&cursor)
        default: return .other(name: name, cursor.rest())
        }
    }

    /// Nil for what begins no status response.
    static func condition(_ word: some Sequence<UInt8>) -> StatusResponse.Condition? {
        StatusResponse.Condition(rawValue: String(decoding: word.lazy.map(\.uppercased), as: UTF8.self))
    }

    /// `* n EXISTS` and its like.
    private static func numbered(_ cursor: inout ResponseCursor) throws(ResponseError) -> Response {
        let number = try cursor.number32("a number")
        try cursor.space()
        let name = try cursor.keyword("a response's name")
        switch name {
        case "EXISTS": return .exists(number)
        case "RECENT": return .recent(number)
        case "EXPUNGE", "FETCH", "UIDFETCH":
            guard number > 0 else { throw ResponseError("\(name) of message 0") }
            if name == "EXPUNGE" { return .expunge(number) }
            try cursor.space()
            var fetch = FetchResponse()
            if name == "FETCH" { fetch.sequenceNumber = number } else { fetch.uid = number }
            try FetchReading.items(&fetch, &cursor)
            return .fetch(fetch)
        default: return .other(name: name, cursor.rest())
        }
    }

    /// Words to the end of the line, in upper case.
    private static func words(_ cursor: inout ResponseCursor) throws(ResponseError) -> [String] {
        var result: [String] = []
        while cursor.takes(.space) {}
        while !cursor.isAtEnd {
            let word = cursor.takeWhile { $0 > .space }
            if word.isEmpty { throw cursor.wanted("a word") }
            result.append(String(decoding: word.lazy.map(\.uppercased), as: UTF8.self))
            while cursor.takes(.space) {}
        }
        return result
    }

    // MARK: Status

    private static func status(
        _ tag: String?, _ condition: StatusResponse.Condition, _ cursor: inout ResponseCursor
    ) throws(ResponseError) -> StatusResponse {
        var result = StatusResponse(tag: tag, condition: condition, text: "")
        while cursor.takes(.space) {}
        if cursor.takes(UInt8(ascii: "[")) {
            result.code = try code(&cursor)
            try cursor.expect(UInt8(ascii: "]"))
            while cursor.takes(.space) {}
        }
        result.text = cursor.restAsText()
        return result
    }

    private static func code(_ cursor: inout ResponseCursor) throws(ResponseError) -> ResponseCode {
        let name = try cursor.keyword("a response code")
        switch name {
        case "ALERT": return .alert
        case "READ-ONLY": return .readOnly
        case "READ-WRITE": return .readWrite
        case "TRYCREATE": return .tryCreate
        case "NOMODSEQ": return .noModSeq
        case "CLOSED": return .closed
        default: break
        }
        guard cursor.takes(.space) else { return .other(name, arguments: nil) }
        switch name {
        case "CAPABILITY":
            let text = String(decoding: cursor.takeWhile { $0 != UInt8(ascii: "]") }, as: UTF8.self)
            return .capability(text.uppercased().split(separator: " ").map(String.init))
        case "PERMANENTFLAGS": return .permanentFlags(try cursor.atoms("a flag"))
        case "UIDNEXT": return .uidNext(try cursor.number32("UIDNEXT"))
        case "UIDVALIDITY": return .uidValidity(try cursor.number32("UIDVALIDITY"))
        case "UNSEEN": return .unseen(try cursor.number32("UNSEEN"))
        case "HIGHESTMODSEQ": return .highestModSeq(try cursor.modSeq())
        case "MODIFIED": return .modified(UIDSet(try cursor.ranges("a number")))
        case "APPENDUID":
            let validity = try cursor.number32("UIDVALIDITY")
            try cursor.space()
            return .appendUID(validity: validity, try cursor.ranges("a UID"))
        case "COPYUID":
            let validity = try cursor.number32("UIDVALIDITY")
            try cursor.space()
            let source = try cursor.ranges("a UID")
            try cursor.space()
            return .copyUID(validity: validity, source: source, destination: try cursor.ranges("a UID"))
        default:
            let text = cursor.takeWhile { $0 != UInt8(ascii: "]") }
            return .other(name, arguments: String(decoding: text, as: UTF8.self))
        }
    }

    // MARK: Sets

    private static func search(_ cursor: inout ResponseCursor) throws(ResponseError) -> Response {
        var numbers: [UInt32] = []
        var modSeq: ModSeq?
        while cursor.takes(.space) {}
        while !cursor.isAtEnd {
            if cursor.takes(UInt8(ascii: "(")) {
                guard try cursor.keyword("MODSEQ") == "MODSEQ" else { throw cursor.wanted("MODSEQ") }
                try cursor.space()
                modSeq = try cursor.modSeq()
                try cursor.expect(UInt8(ascii: ")"))
            } else {
                numbers.append(try cursor.number32("a number"))
            }
            guard cursor.isAtEnd || cursor.next == .space else { throw cursor.wanted("a space") }
            while cursor.takes(.space) {}
        }
        return .search(numbers, modSeq: modSeq)
    }

    private static func vanished(_ cursor: inout ResponseCursor) throws(ResponseError) -> Response {
        try cursor.space()
        var isEarlier = false
        if cursor.takes(UInt8(ascii: "(")) {
            guard try cursor.keyword("EARLIER") == "EARLIER" else { throw cursor.wanted("EARLIER") }
            try cursor.expect(UInt8(ascii: ")"))
            try cursor.space()
            isEarlier = true
        }
        let set = UIDSet(try cursor.ranges("a UID"))
        guard cursor.isAtEnd else { throw cursor.wanted("the end of the line") }
        return .vanished(set, isEarlier: isEarlier)
    }
}
