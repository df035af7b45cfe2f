import DequeModule
import Synchronization
import VarveAccounts

/// Checks passwords, a few at one time: a check takes much memory and time, by design.
///
/// A lock and no actor: whoever waits goes on where its session runs, however busy the process' own threads for tasks are.
final class PasswordChecks: Sendable {
    private struct State {
        var free: Int
        var waiting: Deque<CheckedContinuation<Void, Never>> = []
    }

    private let directory: AccountDirectory
    private let state: Mutex<State>

    init(_ directory: AccountDirectory, atOneTime: Int) {
        self.directory = directory
        state = Mutex(State(free: atOneTime))
    }

    /// Whether this is the user's password. Runs on the caller's thread, when its turn has come.
    /// - Parameter isWanted: whether somebody still waits for the answer when the turn has come; if not, it is false.
    func verify(_ user: String, password: [UInt8], isWanted: () -> Bool) async throws -> Bool {
        await enter()
        defer { leave() }
        return isWanted() ? try directory.verify(user, password: password) : false
    }

    private func enter() async {
        await withCheckedContinuation { continuation in
            let isTurn = state.withLock { state in
                if state.free == 0 {
                    state.waiting.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if isTurn { continuation.resume() }
        }
    }

    private func leave() {
        let next = state.withLock { state in
            if state.waiting.isEmpty { state.free += 1 }
            return state.waiting.popFirst()
        }
        next?.resume()
    }
}
