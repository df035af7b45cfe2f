/// Which states a store may be found in.
struct History: Sendable {
    /// After which commit which account; none older than `acknowledged` is needed.
    private(set) var states: [UInt64: Account]
    /// The newest commit that somebody was told of, or could see: it must be there whatever happens.
    private(set) var acknowledged: UInt64
    /// The newest commit that may have got to the disk.
    private(set) var built: UInt64
    /// The store is tidying up: it makes commits of its own, as many as it likes, which change nothing that is shown.
    var isTidying = false

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
        states[modSeq] = state(modSeq)
        acknowledged = modSeq
        states = states.filter { $0.key >= modSeq }
    }

    /// The account after the newest commit that is known.
    var newest: Account? { states.max { $0.key < $1.key }?.value }

    /// The account after a commit, also after one of the store's own.
    private func state(_ modSeq: UInt64) -> Account? {
        if let account = states[modSeq] { return account }
        guard isTidying, modSeq > built, var account = newest else { return nil }
        account.modSeq = modSeq
        return account
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
        guard let account = state(modSeq) else {
            throw Violation("a commit that nobody made: \(modSeq); the last one built was \(built)")
        }
        acknowledge(modSeq)
        takeBack(after: modSeq)
        isTidying = false
        return account
    }
}

/// The engine has not kept what it promises.
package struct Violation: Error, Sendable, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}
