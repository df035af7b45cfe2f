import Logging
import NIOCore
import NIOPosix
import Synchronization
import Varve
import VarveAccounts

/// The accounts that are open: one store for each user, shared by all sessions, closed some time after the last one went.
///
/// Opening and closing happen under the entry's own lock, so that a slow recovery keeps nobody waiting but that user.
final class AccountRegistry: Sendable {
    private final class Entry: Sendable {
        let account = Mutex<Account?>(nil)
        /// Guarded by the registry's lock.
        let sessions = Mutex(0)
    }

    private let directory: AccountDirectory
    private let limits: ServerLimits
    private let options: StoreOptions
    private let logger: Logger
    /// By the bytes of the name: strings that only look alike are equal, and would be two users.
    private let entries = Mutex<[[UInt8]: Entry]>([:])

    init(_ directory: AccountDirectory, limits: ServerLimits, options: StoreOptions, logger: Logger) {
        self.directory = directory
        self.limits = limits
        var options = options
        // Who has damage may still read his mail; everybody else goes on as ever.
        options.access = .readOnlyIfDamaged
        self.options = options
        self.logger = logger
    }

    /// The user's account, opened if nobody has it. Blocks while it is opened. `release` it when the session ends.
    func acquire(_ user: String) throws(StoreError) -> Account {
        let entry = entries.withLock { entries in
            let key = Array(user.utf8)
            let entry = entries[key] ?? Entry()
            entries[key] = entry
            entry.sessions.withLock { $0 += 1 }
            return entry
        }
        do throws(StoreError) {
            return try entry.account.withLock { account throws(StoreError) in
                if let account { return account }
                let opened = try Account(user: user, store: try Store.open(at: directory.storePath(user), options))
                if let damage = opened.store.damage {
                    logger.critical(
                        "account is damaged, and open for reading only: stop the server and run 'varve check'",
                        metadata: ["user": .foreign(user), "damage": "\(damage.message)"])
                }
                logger.info("account opened", metadata: ["user": .foreign(user)])
                account = opened
                return opened
            }
        } catch {
            entry.sessions.withLock { $0 -= 1 }
            throw error
        }
    }

    /// The session needs its account no more.
    /// - Parameter isBroken: its store takes no more writes: the next session opens it anew, which recovers it.
    func release(_ account: Account, isBroken: Bool, on eventLoop: any EventLoop, _ pool: NIOThreadPool) {
        guard let entry = entry(account.user) else { return }
        let left = entry.sessions.withLock {
            $0 -= 1
            return $0
        }
        if isBroken {
            // Only the lock of the old store keeps others out; its readers go on until they notice.
            entry.account.withLock { current in
                guard current === account else { return }
                close(account)
                current = nil
            }
        }
        if left == 0 {
            eventLoop.scheduleTask(in: limits.accountLinger) { [self] in
                pool.submit { _ in self.closeIfUnused(account.user) }
            }
        }
    }

    private func entry(_ user: String) -> Entry? { entries.withLock { $0[Array(user.utf8)] } }

    private func closeIfUnused(_ user: String) {
        guard let entry = entry(user) else { return }
        entry.account.withLock { account in
            guard let open = account, entry.sessions.withLock({ $0 }) == 0 else { return }
            close(open)
            account = nil
        }
    }

    /// Closes all accounts. No session may use one any more.
    func closeAll() {
        for entry in entries.withLock({ Array($0.values) }) {
            entry.account.withLock { account in
                if let open = account { close(open) }
                account = nil
            }
        }
    }

    private func close(_ account: Account) {
        do {
            try account.store.close()
            logger.info("account closed", metadata: ["user": .foreign(account.user)])
        } catch {
            logger.error("account not closed cleanly", metadata: ["user": .foreign(account.user), "error": "\(error)"])
        }
    }
}
