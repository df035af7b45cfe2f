/// Which states a store may be found in.
struct History: Sendable {
    /// After which commit which account; none older than `acknowledged` is needed.
    private(set) var states: [UInt64: Account]
    /// The newest commit that somebody was told of, or could see: it must be there whatever happens.
    private(set) var acknowledged: UInt64
    /// The newest commit that may have got to the disk.
    private(set) var built: UInt64

    /// Of a store that is not made yet.
    init(newStoreAt time: Int64) {
        states = [1: Account(time: time)]
        acknowledged = 0
        built = 1
    }

    mutating func build(_ account: Account) {
        states[account.modSeq] = account
        built = account.modSeq
    }

    mutating func acknowledge(_ modSeq: UInt64) {
        guard modSeq > acknowledged else { return }
        acknowledged = modSeq
        states = states.filter { $0.key >= modSeq }
    }

    /// What was built after `modSeq` has not happened.
    mutating func takeBack(after modSeq: UInt64) {
        built = modSeq
        states = states.filter { $0.key <= modSeq }
    }

    /// The store has been found at `modSeq`, and shown.
    mutating func settle(at modSeq: UInt64) throws(Violation) -> Account {
        guard modSeq >= acknowledged else {
            throw Violation("an acknowledged commit is gone: commit \(modSeq) is the last, \(acknowledged) was told of")
        }
        guard modSeq <= built, let account = states[modSeq] else {
            throw Violation("a commit that nobody made: \(modSeq); the last one built was \(built)")
        }
        acknowledge(modSeq)
        takeBack(after: modSeq)
        return account
    }
}

/// The engine has not kept what it promises.
package struct Violation: Error, Sendable, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}
