import MailModel

extension View {
    /// How many messages of the view have UIDs in `range`.
    /// - Complexity: O(log messages).
    public func count(in range: UIDRange) throws(StoreError) -> Int {
        guard mark.uidNext > .min else { return 0 }
        let last = min(range.last, UID(mark.uidNext.rawValue - 1))
        guard range.first <= last else { return 0 }
        return try position(of: UID(last.rawValue + 1)) - position(of: range.first)
    }

    /// The highest UID of a message in the view; nil if it is empty.
    /// - Complexity: O(log messages).
    public var lastUID: UID? {
        get throws(StoreError) {
            let count = try count
            return count == 0 ? nil : try uid(at: count)
        }
    }
}
