import ArgumentParser
import Varve

struct CompactCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compact", abstract: "Gives back the space of mail that was expunged.",
        discussion: """
            A server does this by itself, when more than a quarter of an account's log is dead. What is still needed is \
            copied, and the files that held it are removed: there must be room for an eighth of the log, or four segments. \
            A crash or an interruption at any moment does no harm. The account can then no longer be restored as it was \
            before the horizon, but from backups.

            With --remember-expunges it is forgotten which messages were expunged before: a mail program that was away for             longer is then told all that is there, and not only what went.

            EXAMPLE
              varve compact --data mail --user alice
              varve compact --data mail --user alice --remember-expunges 365
              varve compact --data mail --user alice --json
            """)

    @OptionGroup var account: AccountOptions
    @Option(help: ArgumentHelp("Remember expunges of so many days. (default: all)", valueName: "days"))
    var rememberExpunges: Int?
    @Flag(help: "Write JSON.")
    var json = false

    func validate() throws {
        guard 0...100_000 ~= rememberExpunges ?? 0 else {
            throw ValidationError("--remember-expunges is a number of days, from 0 on.")
        }
    }

    func run() throws {
        let store = try account.openStore(create: false)
        let result = Result { try CommandFailure.explaining { try compact(store) } }
        do {
            try CommandFailure.explaining { try store.close() }
        } catch {
            // What went wrong first is what is told.
            if case .success = result { throw error }
        }
        let report = try result.get()
        if json { print(report.json(account.user).text) } else { print(report) }
    }

    private func compact(_ store: Store) throws -> CompactionReport {
        if let rememberExpunges {
            let now = StoreOptions.systemClock()
            let since = now - min(now, UInt64(rememberExpunges) * 86_400_000)
            if let modSeq = try store.modSeq(at: since) { try store.forgetExpunges(through: modSeq) }
        }
        var bar = ProgressBar("compacting", total: 0)
        defer { bar.finish() }
        return try store.compact { progress in
            bar.total = progress.bytesToMove
            bar.update(bytes: progress.movedBytes)
        }
    }

    private func print(_ report: CompactionReport) {
        Swift.print("\(byteText(report.bytesBefore)) before, \(byteText(report.bytesAfter)) after")
        Swift.print(
            "\(report.segmentsRemoved) segments removed, \(report.messagesMoved) messages copied "
                + "(\(byteText(report.bytesMoved)))")
        if report.horizon > 0 { Swift.print("the horizon is commit \(report.horizon)") }
        for place in report.damage { Swift.print("damaged, and left where it is: \(place)") }
        if !report.damage.isEmpty {
            Swift.print("varve check --data \(account.data.path) --user \(account.user) lists all damage")
        }
    }

    private func print(_ text: String) { Swift.print(text) }
}

extension CompactionReport {
    fileprivate func json(_ user: String) -> JSON {
        .object([
            ("user", .string(user)), ("bytesBefore", .number(bytesBefore)), ("bytesAfter", .number(bytesAfter)),
            ("segmentsRemoved", .number(segmentsRemoved)), ("segmentsWaiting", .number(segmentsWaiting)),
            ("messagesMoved", .number(messagesMoved)), ("bytesMoved", .number(bytesMoved)),
            ("horizon", .number(Int(clamping: horizon.rawValue))), ("damage", .array(damage.map { .string($0) })),
        ])
    }
}
