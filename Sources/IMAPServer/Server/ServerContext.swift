import NIOPosix
import NIOSSL
import VarveAccounts

/// What all sessions of a server share.
struct ServerContext: Sendable {
    let directory: AccountDirectory
    let accounts: AccountRegistry
    let passwordChecks: PasswordChecks
    let pool: NIOThreadPool
    /// nil: the server has no certificate, STARTTLS is not offered.
    let tls: NIOSSLContext?
    let allowsPlaintext: Bool
    let limits: ServerLimits
}
