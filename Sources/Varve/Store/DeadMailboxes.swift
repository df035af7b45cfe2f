/// The mailboxes that may have rows of expunged messages, in the order in which they are to be tidied up.
struct DeadMailboxes {
    private var queue: [UInt32] = []
    private var members: Set<UInt32> = []
    private var turn = 0

    init(_ ids: Set<UInt32>) { add(ids) }

    var isEmpty: Bool { members.isEmpty }

    mutating func add(_ ids: Set<UInt32>) {
        // In the same order each time: what a run does depends on nothing but what it is given.
        for id in ids.sorted() where members.insert(id).inserted { queue.append(id) }
    }

    /// Nothing is left to be done in these.
    mutating func drop(_ ids: Set<UInt32>) {
        if ids.isEmpty { return }
        members.subtract(ids)
        let before = queue[..<min(turn, queue.count)].count { ids.contains($0) }
        queue.removeAll { ids.contains($0) }
        turn -= before
    }

    /// Those whose turn it is, `count` at most.
    mutating func next(_ count: Int) -> [UInt32] {
        let count = min(count, queue.count)
        defer { turn = queue.isEmpty ? 0 : (turn + count) % queue.count }
        return (0..<count).map { queue[(turn + $0) % queue.count] }
    }
}
