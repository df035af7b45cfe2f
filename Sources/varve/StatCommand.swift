import ArgumentParser
import Varve

struct StatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stat", abstract: "Says what an account holds, and what it takes on disk.",
        discussion: """
            A segment's live share is what of it belongs to messages that are in some mailbox.

            EXAMPLE
              varve stat --data mail --user alice
              varve stat --data mail --user alice --json
            """)

    @OptionGroup var account: AccountOptions
    @Flag(help: "Write JSON.")
    var json = false

    func run() throws {
        try CommandFailure.explaining {
            let store = try account.openStore(create: false)
            defer { try? store.close() }
            var mailboxes: [MailboxInfo] = []
            try store.snapshot().forEachMailbox { info in
                mailboxes.append(info)
                return true
            }
            let disk = try store.statistics()
            if json { printJSON(mailboxes, disk) } else { printText(mailboxes, disk) }
        }
    }

    private func printText(_ mailboxes: [MailboxInfo], _ disk: StoreStatistics) {
        func column(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        func row(_ messages: String, _ unseen: String, _ bytes: String, _ name: String) {
            print("\(column(messages, 10))  \(column(unseen, 10))  \(column(bytes, 12))  \(name)")
        }
        row("messages", "unseen", "size", "mailbox")
        for box in mailboxes {
            row("\(box.messages)", "\(box.unseen)", byteText(Int(clamping: box.bytes)), box.name)
        }
        row(
            "\(mailboxes.reduce(0) { $0 + $1.messages })", "\(mailboxes.reduce(0) { $0 + $1.unseen })",
            byteText(Int(clamping: mailboxes.reduce(0) { $0 &+ $1.bytes })), "in all \(mailboxes.count) mailboxes")
        print("")
        print("\(column("segment", 10))  \(column("on disk", 10))  \(column("live", 12))  messages")
        for segment in disk.segments {
            print(
                "\(column("\(segment.number)", 10))  \(column(byteText(segment.fileBytes), 10))  "
                    + "\(column(share(segment.liveBytes, segment.logBytes), 12))  \(segment.liveMessages)")
        }
        let segments = disk.segments.reduce(0) { $0 + $1.fileBytes }
        let log = disk.segments.reduce(0) { $0 + $1.logBytes }
        let live = share(disk.segments.reduce(0) { $0 + $1.liveBytes }, log)
        print("\nsegments \(byteText(segments)), \(live) live; index \(byteText(disk.indexBytes))")
        if disk.horizon > 0 { print("base \(byteText(disk.baseBytes)); the horizon is commit \(disk.horizon)") }
    }

    private func share(_ part: Int, _ whole: Int) -> String {
        whole > 0 ? "\(Int((Double(part) / Double(whole) * 100).rounded())) %" : "-"
    }

    private func printJSON(_ mailboxes: [MailboxInfo], _ disk: StoreStatistics) {
        let boxes = mailboxes.map { box in
            JSON.object([
                ("name", .string(box.name)), ("messages", .number(box.messages)), ("unseen", .number(box.unseen)),
                ("bytes", .number(Int(clamping: box.bytes))),
            ])
        }
        let segments = disk.segments.map { segment in
            JSON.object([
                ("number", .number(Int(segment.number))), ("fileBytes", .number(segment.fileBytes)),
                ("logBytes", .number(segment.logBytes)), ("liveBytes", .number(segment.liveBytes)),
                ("liveMessages", .number(segment.liveMessages)),
            ])
        }
        print(
            JSON.object([
                ("user", .string(account.user)), ("mailboxes", .array(boxes)),
                ("messages", .number(mailboxes.reduce(0) { $0 + $1.messages })),
                ("bytes", .number(Int(clamping: mailboxes.reduce(0) { $0 &+ $1.bytes }))),
                ("segments", .array(segments)),
                ("segmentBytes", .number(disk.segments.reduce(0) { $0 + $1.fileBytes })),
                ("indexBytes", .number(disk.indexBytes)), ("baseBytes", .number(disk.baseBytes)),
                ("deadBytes", .number(disk.deadBytes)), ("horizon", .number(Int(clamping: disk.horizon.rawValue))),
            ]).text)
    }
}
