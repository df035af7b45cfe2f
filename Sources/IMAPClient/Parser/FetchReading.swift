import MailModel
import NIOCore

/// RFC 3501 §9, msg-att: the items of a FETCH response.
enum FetchReading {
    static func items(_ fetch: inout FetchResponse, _ cursor: inout ResponseCursor) throws(ResponseError) {
        try cursor.expect(UInt8(ascii: "("))
        while cursor.takes(.space) {}
        while !cursor.takes(UInt8(ascii: ")")) {
            try item(&fetch, &cursor)
            guard cursor.next == UInt8(ascii: ")") || cursor.next == .space else { throw cursor.wanted("')'") }
            while cursor.takes(.space) {}
        }
        guard cursor.isAtEnd else { throw cursor.wanted("the end of the response") }
    }

    private static func item(_ fetch: inout FetchResponse, _ cursor: inout ResponseCursor) throws(ResponseError) {
        let start = cursor.position
        let name = try cursor.keyword("a FETCH item")
        if cursor.next == UInt8(ascii: "[") { return try section(start, name, &fetch, &cursor) }
        try cursor.space()
        switch name {
        case "UID":
            let uid = try cursor.number32(name)
            let isRight = uid > 0 && (fetch.uid == nil || fetch.uid == uid)
            guard isRight else { throw ResponseError("UID \(uid) is not the message's") }
            fetch.uid = uid
        case "FLAGS": fetch.flags = try cursor.atoms("a flag")
        case "MODSEQ":
            try cursor.expect(UInt8(ascii: "("))
            fetch.modSeq = try cursor.modSeq()
            try cursor.expect(UInt8(ascii: ")"))
        case "RFC822.SIZE": fetch.size = try cursor.number(name, maximum: UInt64(Int64.max))
        case "INTERNALDATE":
            guard let text = try cursor.nstring(name) else { throw ResponseError("INTERNALDATE is NIL") }
            guard let date = internalDate(text) else {
                throw ResponseError("INTERNALDATE is no date: \(String(buffer: text))")
            }
            fetch.internalDate = date
        case "EMAILID": fetch.emailID = try identifier(&cursor)
        case "THREADID": fetch.threadID = try identifier(&cursor)
        case "RFC822", "RFC822.HEADER", "RFC822.TEXT":
            fetch.sections.append(FetchResponse.Section(name: name, bytes: try cursor.nstring(name)))
        default: fetch.others.append(FetchResponse.Item(name: name, value: try cursor.value()))
        }
    }

    /// RFC 8474 §5: `(id)`, or NIL where there is none.
    private static func identifier(_ cursor: inout ResponseCursor) throws(ResponseError) -> String? {
        if cursor.takes(UInt8(ascii: "(")) {
            let id = try cursor.atom("an identifier")
            try cursor.expect(UInt8(ascii: ")"))
            return id
        }
        guard try cursor.keyword("an identifier") == "NIL" else { throw cursor.wanted("an identifier") }
        return nil
    }

    /// `[…]`, an origin, and the bytes.
    private static func section(
        _ start: Int, _ name: String, _ fetch: inout FetchResponse, _ cursor: inout ResponseCursor
    ) throws(ResponseError) {
        try cursor.expect(UInt8(ascii: "["))
        // Names of header fields may be strings, and have anything in them.
        while !cursor.takes(UInt8(ascii: "]")) {
            switch cursor.next {
            case UInt8(ascii: "\""), UInt8(ascii: "{"): _ = try cursor.nstring("a header field's name")
            case nil: throw cursor.wanted("']'")
            default: _ = cursor.takeAnything()
            }
        }
        let full = String(buffer: cursor.slice(start..<cursor.position))
        var origin: UInt32?
        if cursor.takes(UInt8(ascii: "<")) {
            origin = try cursor.number32("a section's origin")
            try cursor.expect(UInt8(ascii: ">"))
        }
        try cursor.space()
        // RFC 3516 §4.3: the size of a decoded part is a number.
        if name == "BINARY.SIZE" {
            fetch.others.append(FetchResponse.Item(name: full, value: try cursor.value()))
        } else {
            fetch.sections.append(FetchResponse.Section(name: full, origin: origin, bytes: try cursor.nstring("a section")))
        }
    }

    // MARK: Dates

    private static let months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]

    /// RFC 3501 §9, date-time: ` 7-Feb-1994 21:52:25 -0800`.
    static func internalDate(_ text: ByteBuffer) -> InternalDate? {
        let bytes = Array(text.readableBytesView)
        guard bytes.count == 26, bytes[2] == UInt8(ascii: "-"), bytes[6] == UInt8(ascii: "-"), bytes[11] == .space,
            bytes[14] == UInt8(ascii: ":"), bytes[17] == UInt8(ascii: ":"), bytes[20] == .space
        else { return nil }
        func digits(_ range: Range<Int>) -> Int? {
            var value = 0
            for byte in bytes[range] {
                guard byte.isDigit else { return nil }
                value = value * 10 + Int(byte - 0x30)
            }
            return value
        }
        let name = String(decoding: bytes[3..<6].map(\.uppercased), as: UTF8.self)
        guard let month = months.firstIndex(of: name), let day = digits((bytes[0] == .space ? 1 : 0)..<2),
            let year = digits(7..<11), let hour = digits(12..<14), let minute = digits(15..<17),
            let second = digits(18..<20),
            let zoneHours = digits(22..<24), let zoneMinutes = digits(24..<26),
            hour < 24, minute < 60, second <= 60, zoneHours < 24, zoneMinutes < 60,
            bytes[21] == UInt8(ascii: "+") || bytes[21] == UInt8(ascii: "-"),
            let date = CalendarDay(year: year, month: month + 1, day: day)
        else { return nil }
        let zone = (zoneHours * 60 + zoneMinutes) * (bytes[21] == UInt8(ascii: "-") ? -1 : 1)
        let local = date.daysSince1970 * 86_400 + hour * 3_600 + minute * 60 + second
        return InternalDate(seconds: Int64(local - zone * 60), zoneMinutes: Int16(zone))
    }
}

extension ResponseCursor {
    /// The next byte, whatever it is; nil at the end.
    mutating func takeAnything() -> UInt8? {
        guard let byte = next else { return nil }
        _ = takes(byte)
        return byte
    }
}
