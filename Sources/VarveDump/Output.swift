/// Where a dump goes: lines of text, or an array of JSON objects, one a line.
final class Output {
    private let isJSON: Bool
    private let write: ([UInt8]) -> Void
    private(set) var damages = 0
    private var buffer: [UInt8] = []
    private var hasItems = false
    /// What held output began with; nil while nothing is held.
    private var mark: (count: Int, damages: Int, hasItems: Bool)?

    /// Output is handed on in pieces of about this size.
    private static let pieceSize = 64 << 10
    /// So much may be held back to be taken back.
    private static let maximumHeld = 8 << 20

    init(isJSON: Bool, write: @escaping ([UInt8]) -> Void) {
        self.isJSON = isJSON
        self.write = write
    }

    func emit(_ item: Item) {
        if isJSON {
            buffer.append(contentsOf: (hasItems ? ",\n" : "[\n").utf8)
            buffer.append(contentsOf: item.json())
        } else {
            buffer.append(contentsOf: item.text())
            buffer.append(UInt8(ascii: "\n"))
        }
        hasItems = true
        if mark != nil {
            if buffer.count > Output.maximumHeld { mark = nil }
        } else if buffer.count >= Output.pieceSize {
            flush()
        }
    }

    /// Reports bytes that are not what was written. The dump goes on.
    func damage(_ place: String, _ what: String) {
        damages += 1
        var item = Item("damage")
        if isJSON {
            item.add("place", word: place)
            item.add("what", word: what)
        } else {
            item = Item("damage:")
            item.bare("place", word: "\(place): \(what)")
        }
        emit(item)
    }

    func end() {
        if isJSON { buffer.append(contentsOf: (hasItems ? "\n]\n" : "[]\n").utf8) }
        flush()
    }

    private func flush() {
        if !buffer.isEmpty { write(buffer) }
        buffer.removeAll(keepingCapacity: true)
    }

    // MARK: Taking back

    /// From here on nothing leaves before `keep`, unless it becomes too much to be held.
    func hold() {
        flush()
        mark = (0, damages, hasItems)
    }

    func keep() { mark = nil }

    /// Takes back what came since `hold`. - Returns: false if it has left already.
    func takeBack() -> Bool {
        guard let mark else { return false }
        buffer.removeSubrange(mark.count...)
        damages = mark.damages
        hasItems = mark.hasItems
        self.mark = nil
        return true
    }
}
