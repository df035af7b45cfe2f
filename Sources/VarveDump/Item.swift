/// One line of a dump, or one object of its JSON: what kind of thing it is, and its fields in order.
struct Item {
    enum Value {
        case number(UInt64)
        case integer(Int64)
        case flag(Bool)
        /// From a fixed vocabulary, or made of digits: needs no quotes.
        case word(String)
        /// What somebody chose: any bytes.
        case name([UInt8])
        case list([Value])
    }

    struct Field {
        var key: String
        var value: Value
        /// Text only: the value stands without its key.
        var isBare: Bool
    }

    let type: String
    /// Text only: how far the line is set in.
    var depth: Int
    private(set) var fields: [Field] = []

    init(_ type: String, depth: Int = 0) {
        self.type = type
        self.depth = depth
    }

    mutating func add(_ key: String, _ value: Value) { fields.append(Field(key: key, value: value, isBare: false)) }
    mutating func add(_ key: String, _ value: some BinaryInteger) { add(key, Item.value(value)) }
    mutating func add(_ key: String, word: String) { add(key, .word(word)) }
    mutating func bare(_ key: String, _ value: Value) { fields.append(Field(key: key, value: value, isBare: true)) }
    mutating func bare(_ key: String, _ value: some BinaryInteger) { bare(key, Item.value(value)) }
    mutating func bare(_ key: String, word: String) { bare(key, .word(word)) }

    private static func value(_ value: some BinaryInteger) -> Value {
        value < 0 ? .integer(Int64(value)) : .number(UInt64(value))
    }

    // MARK: Forms

    func json() -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.field("type", .word(type))
        for field in fields { writer.field(field.key, field.value) }
        writer.endObject()
        return writer.bytes
    }

    /// Without the line's end.
    func text() -> [UInt8] {
        var out = [UInt8](repeating: UInt8(ascii: " "), count: 2 * depth)
        out.append(contentsOf: type.utf8)
        var isFirst = true
        for field in fields {
            if field.isBare {
                out.append(UInt8(ascii: " "))
            } else {
                if case .flag(false) = field.value { continue }
                out.append(contentsOf: (isFirst ? " " : ", ").utf8)
                out.append(contentsOf: Item.label(field.key).utf8)
                if case .flag = field.value { continue }
                out.append(UInt8(ascii: " "))
            }
            isFirst = false
            Item.write(field.value, &out)
        }
        return out
    }

    /// `logPosition` is written `log position`.
    private static func label(_ key: String) -> String {
        key.reduce(into: "") { label, character in
            if character.isUppercase { label += " " + character.lowercased() } else { label.append(character) }
        }
    }

    private static func write(_ value: Value, _ out: inout [UInt8]) {
        switch value {
        case .number(let number): out.append(contentsOf: String(number).utf8)
        case .integer(let number): out.append(contentsOf: String(number).utf8)
        case .flag(let flag): out.append(contentsOf: (flag ? "yes" : "no").utf8)
        case .word(let word): out.append(contentsOf: word.utf8)
        case .name(let name): quote(name, &out)
        case .list(let values):
            out.append(UInt8(ascii: "("))
            for (i, element) in values.enumerated() {
                if i > 0 { out.append(UInt8(ascii: " ")) }
                write(element, &out)
            }
            out.append(UInt8(ascii: ")"))
        }
    }

    /// In double quotes, on one line, and so that a terminal shows it and does nothing else with it: control characters
    /// and bytes that are not UTF-8 are written `\xNN`.
    private static func quote(_ name: [UInt8], _ out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        func escape(_ bytes: some Sequence<UInt8>) {
            for byte in bytes { out.append(contentsOf: ("\\x" + hexadecimal([byte])).utf8) }
        }
        var rest = name[...]
        while !rest.isEmpty {
            var decoder = UTF8()
            var iterator = rest.makeIterator()
            switch decoder.decode(&iterator) {
            case .scalarValue(let scalar):
                let utf8 = Array(String(Character(scalar)).utf8)
                switch scalar {
                case "\"", "\\":
                    out.append(UInt8(ascii: "\\"))
                    out.append(contentsOf: utf8)
                default:
                    if isShown(scalar) { out.append(contentsOf: utf8) } else { escape(utf8) }
                }
                rest = rest.dropFirst(utf8.count)
            case .emptyInput, .error:
                escape(rest.prefix(1))
                rest = rest.dropFirst()
            }
        }
        out.append(UInt8(ascii: "\""))
    }

    /// Not control characters, and not those that turn the direction of text or end a line.
    private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse, .surrogate: false
        default: true
        }
    }
}
