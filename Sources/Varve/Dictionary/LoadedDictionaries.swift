import Synchronization

/// The dictionaries of a store that have been read, found without a lock. They stay until the store goes.
final class LoadedDictionaries: Sendable {
    private final class Node: Sendable {
        let dictionary: CompressionDictionary
        let next: Unmanaged<Node>?
        let count: Int

        init(_ dictionary: CompressionDictionary, next: Unmanaged<Node>?, count: Int) {
            self.dictionary = dictionary
            self.next = next
            self.count = count
        }
    }

    /// The newest of a list that only grows.
    private let first = Atomic<Unmanaged<Node>?>(nil)

    /// More than so many are read anew each time. Each takes about 48 KiB.
    private static let maximum = 64

    deinit {
        var next = first.load(ordering: .acquiring)
        while let node = next {
            next = node.takeUnretainedValue().next
            node.release()
        }
    }

    func find(_ number: UInt32) -> CompressionDictionary? {
        var next = first.load(ordering: .acquiring)
        while let node = next {
            let found = node._withUnsafeGuaranteedRef { $0.dictionary.number == number ? $0.dictionary : nil }
            if let found { return found }
            next = node._withUnsafeGuaranteedRef { $0.next }
        }
        return nil
    }

    /// - Returns: the one of this number that is to be used: there may be one already.
    func add(_ dictionary: CompressionDictionary) -> CompressionDictionary {
        while true {
            if let known = find(dictionary.number) { return known }
            let head = first.load(ordering: .acquiring)
            let count = head?._withUnsafeGuaranteedRef { $0.count } ?? 0
            guard count < LoadedDictionaries.maximum else { return dictionary }
            let node = Unmanaged.passRetained(Node(dictionary, next: head, count: count + 1))
            if first.compareExchange(expected: head, desired: node, ordering: .acquiringAndReleasing).exchanged {
                return dictionary
            }
            node.release()
        }
    }
}
