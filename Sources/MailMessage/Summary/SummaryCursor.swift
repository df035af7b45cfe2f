/// Goes through the strings of a summary that was found valid: nothing is checked.
struct SummaryCursor {
    var at: UnsafeRawPointer

    mutating func number() -> Int {
        var value = 0
        var shift = 0
        while true {
            let byte = at.load(as: UInt8.self)
            at += 1
            value |= Int(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    mutating func string() -> UnsafeRawBufferPointer? {
        let number = number()
        guard number > 0 else { return nil }
        defer { at += number - 1 }
        return UnsafeRawBufferPointer(start: at, count: number - 1)
    }

    /// The items of a list.
    mutating func list() -> UnsafeRawBufferPointer {
        let count = number()
        defer { at += count }
        return UnsafeRawBufferPointer(start: at, count: count)
    }

    mutating func passStrings(_ count: Int) {
        for _ in 0..<count {
            let number = number()
            at += max(number, 1) - 1
        }
    }

    mutating func passList() { _ = list() }
}

/// Goes through bytes of which it is not known whether they are a summary's strings. Each call returns false, or nil, for
/// what is not valid, and reads nothing beyond `end`.
struct SummaryChecker {
    let base: UnsafeRawPointer
    private(set) var offset: Int
    let end: Int

    init(base: UnsafeRawPointer, offset: Int, end: Int) {
        self.base = base
        self.offset = offset
        self.end = end
    }

    private mutating func number() -> Int? {
        var value = 0
        for index in 0..<SummaryLayout.numberBytes {
            guard offset < end else { return nil }
            let byte = base.load(fromByteOffset: offset, as: UInt8.self)
            offset += 1
            value |= Int(byte & 0x7f) << (7 * index)
            if byte < 0x80 { return byte == 0 && index > 0 ? nil : value }
        }
        return nil
    }

    mutating func string(isVital: Bool = false) -> Bool {
        guard let number = number(), number > 0 || !isVital else { return false }
        let count = max(number, 1) - 1
        guard count <= end - offset else { return false }
        offset += count
        return true
    }

    /// A list whose items have so many strings each.
    mutating func list(stringsPerItem: Int, areVital: Bool) -> Bool {
        guard let count = number(), count <= end - offset else { return false }
        var items = SummaryChecker(base: base, offset: offset, end: offset + count)
        while items.offset < items.end {
            for _ in 0..<stringsPerItem {
                guard items.string(isVital: areVital) else { return false }
            }
        }
        offset += count
        return true
    }

    mutating func envelope() -> Bool {
        guard string(), string() else { return false }
        for _ in 0..<6 {
            guard list(stringsPerItem: 4, areVital: false) else { return false }
        }
        return string() && string()
    }

    mutating func partStrings() -> Bool {
        string(isVital: true) && string(isVital: true) && string(isVital: true)
            && list(stringsPerItem: 2, areVital: true)
            && string() && string() && string() && string()
            && list(stringsPerItem: 2, areVital: true)
            && list(stringsPerItem: 1, areVital: true)
            && string()
    }
}
