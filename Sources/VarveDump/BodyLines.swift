/// Cuts a message into lines for a dump: at each LF, and where a line has no end.
struct BodyLines {
    private var line: [UInt8] = []
    private let depth: Int
    private let output: Output
    private static let maximumLine = 1000

    init(depth: Int, _ output: Output) {
        self.depth = depth
        self.output = output
    }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        for byte in bytes {
            line.append(byte)
            if byte == 10 || line.count == BodyLines.maximumLine { end() }
        }
    }

    mutating func end() {
        guard !line.isEmpty else { return }
        var item = Item("body", depth: depth)
        item.bare("bytes", .name(line))
        output.emit(item)
        line.removeAll(keepingCapacity: true)
    }
}
