/// The strings of a summary as they are collected, in the form in which they are kept, and what may still be added.
///
/// A string is its length plus one and its bytes; one that is not there is 0. A list is the length of its items and these.
/// What is vital to a part is always written; for the rest there is an allowance, and what exceeds it is left out.
struct SummaryStrings {
    private(set) var bytes: [UInt8] = []
    /// Bytes that may be added beyond one for each string and list.
    var allowance = 0

    private var list: [UInt8] = []
    private var parser = AddressParser()

    var count: Int { bytes.count }

    /// Adds a string that a part must have, whatever the allowance.
    /// - Precondition: at most `MailLimits.tokenBytes`.
    mutating func append(vital string: [UInt8]) {
        string.withUnsafeBytes { SummaryStrings.append($0, to: &bytes) }
    }

    /// Adds a string, cut to `MailLimits.stringBytes`.
    mutating func append(_ string: UnsafeRawBufferPointer?) {
        guard let string, take(min(string.count, MailLimits.stringBytes) + SummaryLayout.numberBytes) else {
            bytes.append(0)
            return
        }
        SummaryStrings.append(string, to: &bytes)
    }

    /// Adds a field's value unfolded, without white space in front of it and, if `trimmed`, behind it.
    mutating func append(value: UnsafeRawBufferPointer?, trimmed: Bool) {
        guard let value else {
            bytes.append(0)
            return
        }
        value.withUnfolded { unfolded in
            let range = unfolded.trimmedRange
            append(unfolded.slice(range.lowerBound..<(trimmed ? range.upperBound : unfolded.count)))
        }
    }

    /// Adds parameters as a list of names and values.
    mutating func append(_ parameters: [Parameter]) {
        list.removeAll(keepingCapacity: true)
        for parameter in parameters {
            let size = parameter.name.count + min(parameter.value.count, MailLimits.stringBytes)
            guard take(size + 2 * SummaryLayout.numberBytes) else { break }
            parameter.name.withUnsafeBytes { SummaryStrings.append($0, to: &list) }
            parameter.value.withUnsafeBytes { SummaryStrings.append($0, to: &list) }
        }
        appendList()
    }

    /// Adds tags as a list.
    mutating func append(_ tags: [[UInt8]]) {
        list.removeAll(keepingCapacity: true)
        for tag in tags {
            guard take(tag.count + SummaryLayout.numberBytes) else { break }
            tag.withUnsafeBytes { SummaryStrings.append($0, to: &list) }
        }
        appendList()
    }

    /// Adds the addresses of all fields of a name, or of the first only, as a list.
    mutating func append(addresses name: KnownFields.Name, of fields: KnownFields, joined: Bool) {
        list.removeAll(keepingCapacity: true)
        var left = MailLimits.addressesPerField
        fields.forEach(name) { value in
            value.withUnfolded { unfolded in
                parser.start(unfolded)
                while left > 0, parser.next() {
                    left -= 1
                    guard appendAddress() else {
                        left = 0
                        break
                    }
                }
            }
            return joined && left > 0
        }
        appendList()
    }

    // MARK: Pieces

    /// Adds the address at which the parser stands to the list.
    private mutating func appendAddress() -> Bool {
        let size = parser.name.keptCount + parser.route.keptCount + parser.mailbox.keptCount + parser.host.keptCount
        guard take(size + 4 * SummaryLayout.numberBytes) else { return false }
        SummaryStrings.append(parser.name, to: &list)
        SummaryStrings.append(parser.route, to: &list)
        SummaryStrings.append(parser.mailbox, to: &list)
        SummaryStrings.append(parser.host, to: &list)
        return true
    }

    private mutating func take(_ count: Int) -> Bool {
        guard count <= allowance else { return false }
        allowance -= count
        return true
    }

    private mutating func appendList() {
        SummaryStrings.append(number: list.count, to: &bytes)
        bytes.append(contentsOf: list)
    }

    private static func append(_ text: AddressParser.Text, to out: inout [UInt8]) {
        guard text.isThere else {
            out.append(0)
            return
        }
        let count = text.keptCount
        append(number: count + 1, to: &out)
        if count == text.bytes.count { out.append(contentsOf: text.bytes) } else { out.append(contentsOf: text.bytes[..<count]) }
    }

    private static func append(_ string: UnsafeRawBufferPointer, to out: inout [UInt8]) {
        let count = min(string.count, MailLimits.stringBytes)
        append(number: count + 1, to: &out)
        out.append(contentsOf: string.slice(0..<count))
    }

    /// Seven bits to a byte, lowest first, the highest bit set in all but the last; never longer than need be.
    private static func append(number: Int, to out: inout [UInt8]) {
        var rest = number
        while rest >= 0x80 {
            out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        out.append(UInt8(truncatingIfNeeded: rest))
    }
}

extension AddressParser.Text {
    fileprivate var keptCount: Int { min(bytes.count, MailLimits.stringBytes) }
}
