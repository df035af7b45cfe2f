import VarveFormat

/// A dictionary frame's payload.
struct DictionaryDump {
    let head: DictionaryHead
    let content: [UInt8]

    /// - Parameter payload: of a valid frame.
    init(_ payload: UnsafeRawBufferPointer) throws(FormatError) {
        let head = try DictionaryHead(payload)
        let stored = UnsafeRawBufferPointer(rebasing: payload[DictionaryHead.size...])
        var content = [UInt8](repeating: 0, count: head.contentLength)
        let length = content.withUnsafeMutableBytes { content in
            if !head.isPlain { return MessageFrameDump.inflate(stored, into: content) }
            content.copyMemory(from: stored)
            return stored.count
        }
        guard length == head.contentLength else { throw .invalid("the dictionary does not inflate") }
        guard content.withBytes({ DictionaryHead.number(of: $0) }) == head.number else {
            throw .invalid("the dictionary is not number \(head.number)")
        }
        self.head = head
        self.content = content
    }

    func item(depth: Int) -> Item {
        var item = Item("dictionary", depth: depth)
        item.bare("number", head.number)
        item.add("size", head.contentLength)
        item.add("stored", head.storedLength)
        item.add("nextIdentity", head.nextIdentity)
        return item
    }
}
