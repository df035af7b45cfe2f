import ArgumentParser
import Glibc
import IMAPServer
import Logging
import MailModel
import NIOSSL
import ServiceLifecycle
import Varve
import VarveAccounts

@main
struct Varved: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "varved",
        abstract: "Serves the mail of a data folder over IMAP.",
        discussion: """
            Try it, with sample mail, on 127.0.0.1:1143:

              varved --demo

            Serve real mail, for user alice:

              varve user add alice --data /srv/mail
              varved --data /srv/mail --imap 0.0.0.0 --imaps 0.0.0.0 --certificate cert.pem --key key.pem

            Passwords are taken under TLS, or from this machine itself; --allow-plaintext takes them from everywhere.
            SIGTERM and SIGINT let each session end its command, write a checkpoint and stop. Log lines go to standard error.
            """)

    @Option(help: "The data folder; it is made if it is not there.", completion: .directory)
    var data: String?

    @Option(help: ArgumentHelp("Serve IMAP, with STARTTLS if there is a certificate. PORT is 143 if it is left out.", valueName: "addr[:port]"))
    var imap: Endpoint?

    @Option(help: ArgumentHelp("Serve IMAP under TLS from the first byte. PORT is 993 if it is left out.", valueName: "addr[:port]"))
    var imaps: Endpoint?

    @Option(help: "The certificate with its chain, PEM.", completion: .file())
    var certificate: String?

    @Option(help: "The certificate's private key, PEM.", completion: .file())
    var key: String?

    @Option(
        name: .customLong("key-file"),
        help: ArgumentHelp(
            "The master key of encrypted accounts; new accounts are encrypted with it. (default: the environment variable "
                + "\(MasterKey.environmentVariable), if it is set)", valueName: "file"),
        completion: .file())
    var masterKeyFile: String?

    @Option(
        help: ArgumentHelp(
            "Remember for so many days which messages were expunged; clients that were away for longer are told all that is "
                + "there. (default: without end)", valueName: "days"))
    var rememberExpunges: Int?

    @Option(
        help: ArgumentHelp(
            "How clients can synchronise mailboxes that are created from now on: full, no-expunge-log or no-modseq; varve "
                + "mailbox set changes it of those that are there.", valueName: "mode"))
    var sync: SyncMode = .full

    @Flag(help: "Take passwords in the clear from other machines too.")
    var allowPlaintext = false

    @Flag(help: "Make ./varve-demo with user demo, password demo and sample mail, and serve it on 127.0.0.1:1143.")
    var demo = false

    @Option(help: "How much is logged: debug, info, notice, warning, error.")
    var logLevel: LogLevel = .info

    func validate() throws {
        guard demo || data != nil else { throw ValidationError("Say where the mail is with --data DIR, or try --demo.") }
        guard (certificate == nil) == (key == nil) else {
            throw ValidationError("--certificate and --key belong together.")
        }
        guard 1...100_000 ~= rememberExpunges ?? 1 else {
            throw ValidationError("--remember-expunges is a number of days, from 1 on.")
        }
        guard imaps == nil || certificate != nil else {
            throw ValidationError("--imaps needs --certificate and --key.")
        }
    }

    func run() async throws {
        LoggingSystem.bootstrap { label in StreamLogHandler.standardError(label: label) }
        var logger = Logger(label: "varved")
        logger.logLevel = logLevel.level
        do {
            try await serve(logger)
        } catch let error as ExitCode {
            throw error
        } catch {
            let line = Array("varved: \(Varved.explain(error))\n".utf8)
            _ = write(STDERR_FILENO, line, line.count)
            throw ExitCode.failure
        }
    }

    private func serve(_ logger: Logger) async throws {
        let path = data ?? Demo.folder
        let directory = try AccountDirectory(path, create: true)
        // One server for a data folder: a second would only find each store locked.
        let lock = try Varved.lock(path)
        defer { lock.release() }
        // Read once, before anything is served: what is wrong with it is said now.
        let masterKey = try masterKeyFile.map { try MasterKey(file: $0) } ?? MasterKey.fromEnvironment()
        if demo { try Demo.prepare(directory, masterKey) }
        Varved.raiseFileLimit()
        var configuration = try self.configuration()
        configuration.store.masterKey = masterKey
        configuration.store.syncMode = sync
        configuration.store.expungeHorizon = rememberExpunges.map { UInt64($0) * 86_400_000 }
        let server = try IMAPServer(directory, configuration, logger: logger)
        var plain = imap
        if plain == nil, imaps == nil { plain = demo ? Demo.endpoint : Endpoint(host: "127.0.0.1", port: nil) }
        do {
            if let endpoint = plain {
                plain?.port = try await listen(server, endpoint, port: endpoint.port ?? 143, implicitTLS: false)
            }
            if let imaps { _ = try await listen(server, imaps, port: imaps.port ?? 993, implicitTLS: true) }
        } catch {
            try? await server.shutDown()
            throw error
        }
        if demo, let plain { Demo.printWelcome(plain) }
        SystemdNotification.send("READY=1")
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [ServerService(server: server)], gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger))
        try await group.run()
    }

    private static func lock(_ path: String) throws -> any FileLock {
        do {
            return try DiskFileSystem().lock("\(path)/varved.lock")
        } catch {
            guard error.kind == .locked else { throw error }
            throw StartupError(message: "\(path) is served by another varved already; stop that one first")
        }
    }

    /// - Returns: the port that it is, where any was asked for with 0.
    private func listen(_ server: IMAPServer, _ endpoint: Endpoint, port: Int, implicitTLS: Bool) async throws -> Int? {
        do {
            return try await server.listen(host: endpoint.host, port: port, implicitTLS: implicitTLS).port
        } catch {
            throw StartupError(listening: endpoint.host, port, error)
        }
    }

    private func configuration() throws -> IMAPServer.Configuration {
        var configuration = IMAPServer.Configuration()
        configuration.allowsPlaintext = allowPlaintext
        guard let certificate, let key else { return configuration }
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(certificate).map { NIOSSLCertificateSource.certificate($0) }
            let privateKey = try NIOSSLPrivateKey(file: key, format: .pem)
            var tls = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain, privateKey: .privateKey(privateKey))
            // RFC 8997: older versions are not to be used for mail.
            tls.minimumTLSVersion = .tlsv12
            configuration.tls = tls
            return configuration
        } catch {
            throw StartupError(message: "cannot read --certificate \(certificate) or --key \(key): \(error)")
        }
    }

    /// Each connection and each open account takes a few file descriptors: as many as the system grants.
    private static func raiseFileLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    static func explain(_ error: any Error) -> String {
        switch error {
        case let error as StartupError: error.message
        case let error as AccountError: error.message
        case let error as StoreError: error.message
        default: "\(error)"
        }
    }
}

/// Stops the server when the process is asked to end.
struct ServerService: Service {
    let server: IMAPServer

    func run() async throws {
        try await gracefulShutdown()
        SystemdNotification.send("STOPPING=1")
        try await server.shutDown()
    }
}

extension LogLevel: ExpressibleByArgument {}

extension SyncMode: ExpressibleByArgument {
    public init?(argument: String) { self.init(name: argument) }
    public var defaultValueDescription: String { name }
    public static var allValueStrings: [String] { allCases.map(\.name) }
}

enum LogLevel: String, CaseIterable {
    case debug, info, notice, warning, error

    var level: Logger.Level { Logger.Level(rawValue: rawValue)! }
}
