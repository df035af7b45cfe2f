import DequeModule
import VarveAccounts

/// Checks passwords, a few at one time: a check takes much memory and time, by design.
actor PasswordChecks {
    private let directory: AccountDirectory
    private var free: Int
    private var waiting: Deque<CheckedContinuation<Void, Never>> = []

    init(_ directory: AccountDirectory, atOneTime: Int) {
        self.directory = directory
        free = atOneTime
    }

    /// Whether this is the user's password. Runs on the caller's thread, when its turn has come.
    /// - Parameter isWanted: whether somebody still waits for the answer when the turn has come; if not, it is false.
    nonisolated func verify(_ user: String, password: [UInt8], isWanted: () -> Bool) async throws -> Bool {
        await enter()
        let result = Result { isWanted() ? try directory.verify(user, password: password) : false }
        await leave()
        return try result.get()
    }

    private func enter() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    private func leave() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}
