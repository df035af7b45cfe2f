import Synchronization

/// A data folder: its users with their password hashes, and for each of them one store.
///
///     DIR/users                 one line a user: NAME:$scrypt$ln=15,r=8,p=1$SALT$HASH
///     DIR/users.lock            held by whoever replaces `users`
///     DIR/accounts/NAME/        the user's store; NAME is percent-encoded where it would not be a safe file name
///
/// Several processes may use one folder: `users` is replaced as a whole (written beside, synced, renamed), and read again
/// when it has changed. All methods may be called from any thread.
public final class AccountDirectory: Sendable {
    public let path: String

    /// Bytes of the users file at most.
    static let maximumFileSize = 64 << 20

    private let cost: ScryptCost
    private let cache = Mutex(Cache())

    private struct Cache {
        var stamp: PrivateFile.Stamp?
        var users = UsersFile()
    }

    /// - Parameter create: makes the folder if it is not there; the one above it must be.
    /// - Throws: `.notFound`, `.notPermitted`, `.io`.
    public convenience init(_ path: String, create: Bool) throws(AccountError) {
        try self.init(path, create: create, cost: .standard)
    }

    init(_ path: String, create: Bool, cost: ScryptCost) throws(AccountError) {
        var path = path.isEmpty ? "." : path
        while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
        self.cost = cost
        if create {
            try PrivateFile.createFolder(path, in: AccountDirectory.parent(path))
            try PrivateFile.createFolder(path + "/accounts", in: path)
        }
        guard try PrivateFile.isFolder(path) else { throw AccountError(.notFound, "\(path): there is no such folder") }
        guard try PrivateFile.isFolder(path + "/accounts") else {
            throw AccountError(.notFound, "\(path): not a data folder of Varve (it has no folder 'accounts')")
        }
    }

    private static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private var usersPath: String { path + "/users" }

    // MARK: Reading

    /// The users file as it is now; read only if it has changed.
    private func current() throws(AccountError) -> UsersFile {
        let stamp = try PrivateFile.stamp(usersPath)
        let known = cache.withLock { $0.stamp == stamp ? $0.users : nil }
        if let known { return known }
        let (users, version) = try load()
        cache.withLock { $0 = Cache(stamp: version, users: users) }
        return users
    }

    private func load() throws(AccountError) -> (UsersFile, PrivateFile.Stamp?) {
        guard let (bytes, stamp) = try PrivateFile.read(usersPath, limit: AccountDirectory.maximumFileSize) else {
            return (UsersFile(), nil)
        }
        return (UsersFile(bytes), stamp)
    }

    /// Users in the order of their names, also those whose line is damaged.
    public func users() throws(AccountError) -> [String] { try current().names }

    /// What is wrong with the users file, line by line. Users of other lines are not affected.
    public func problems() throws(AccountError) -> [AccountError] {
        try current().lines.compactMap { line in line.problem.map { corrupt(line, $0) } }
    }

    private func corrupt(_ line: UsersFile.Line, _ problem: String) -> AccountError {
        AccountError(.corrupt, "\(usersPath), line \(line.number): \(problem)")
    }

    // MARK: Changing

    /// - Throws: `.alreadyExists`, `.invalidName`, `.io`; `.notPermitted` for an empty or overlong password.
    public func add(_ user: String, password: [UInt8]) throws(AccountError) {
        if let problem = UserName.problem(user) { throw AccountError(.invalidName, problem) }
        try check(password)
        guard try current().line(user) == nil else { throw alreadyExists(user) }
        let hash = try PasswordHash(password, cost: cost)
        try change { users throws(AccountError) in
            guard users.line(user) == nil else { throw self.alreadyExists(user) }
            return users.content(setting: user, to: hash)
        }
    }

    /// - Throws: `.notFound`, `.io`; `.notPermitted` for an empty or overlong password.
    public func setPassword(_ user: String, _ password: [UInt8]) throws(AccountError) {
        try check(password)
        guard try current().line(user) != nil else { throw notFound(user) }
        let hash = try PasswordHash(password, cost: cost)
        try change { users throws(AccountError) in
            guard users.line(user) != nil else { throw self.notFound(user) }
            return users.content(setting: user, to: hash)
        }
    }

    /// The user can no longer log in. The store's folder stays where it is.
    /// - Throws: `.notFound`, `.io`.
    public func remove(_ user: String) throws(AccountError) {
        try change { users throws(AccountError) in
            guard users.line(user) != nil else { throw self.notFound(user) }
            return users.content(setting: user, to: nil)
        }
    }

    private func change(_ body: (UsersFile) throws(AccountError) -> [UInt8]) throws(AccountError) {
        try PrivateFile.locked(usersPath + ".lock") { () throws(AccountError) in
            // Read under the lock, so that what another process has just added is not lost.
            let content = try body(try load().0)
            guard content.count <= AccountDirectory.maximumFileSize else {
                throw AccountError(.io, "\(usersPath): \(AccountDirectory.maximumFileSize) bytes are the most it can have")
            }
            try PrivateFile.replace(usersPath, in: path, with: content)
        }
    }

    private func check(_ password: [UInt8]) throws(AccountError) {
        guard 1...PasswordHash.maximumPasswordLength ~= password.count else {
            throw AccountError(.notPermitted, "a password has 1 to \(PasswordHash.maximumPasswordLength) bytes")
        }
    }

    private func alreadyExists(_ user: String) -> AccountError {
        AccountError(.alreadyExists, "there is a user \(user) already")
    }

    private func notFound(_ user: String) -> AccountError { AccountError(.notFound, "there is no user \(user)") }

    // MARK: Logging in

    /// Whether this is the user's password. Takes as long for an unknown user as for a known one, and compares in constant
    /// time. Slow by design (scrypt): not to be called from an event loop. Each call takes 32 MiB while it lasts.
    /// - Throws: `.corrupt` if the user's line is damaged; `.io`.
    public func verify(_ user: String, password: [UInt8]) throws(AccountError) -> Bool {
        let line = try current().line(user)
        // What no password can be is not worth hashing at its length, but takes the time of one.
        let isPossible = 1...PasswordHash.maximumPasswordLength ~= password.count
        if let hash = line?.hash, isPossible { return try hash.matches(password) }
        try PasswordHash.pretend(isPossible ? password : [], cost: line?.hash?.cost ?? cost)
        if let line, let problem = line.problem { throw corrupt(line, problem) }
        return false
    }

    // MARK: Stores

    /// Where the user's store is, or would be.
    public func storePath(_ user: String) -> String { "\(path)/accounts/\(UserName.folder(user))" }
}
