import Glibc
import MailModel
import TestSupport
import Testing

@testable import MailFiles

/// Gives a message to `write` in pieces of random sizes.
private func inPieces(
    _ message: [UInt8], _ generator: inout SeededGenerator, _ write: (UnsafeRawBufferPointer) throws -> Void
) rethrows {
    var at = 0
    while at < message.count {
        let end = min(message.count, at + Int.random(in: 1...9, using: &generator))
        try message.withUnsafeBytes { try write(UnsafeRawBufferPointer(rebasing: $0[at..<end])) }
        at = end
    }
}

@Suite struct MboxWriterTests {
    let folder = TemporaryFolder()

    @Test(arguments: [LineEnds.lf, .crlf]) func everyMessageComesBack(lineEnds: LineEnds) throws {
        for seed in UInt64(1)...60 {
            var generator = SeededGenerator(seed: seed)
            let messages = (0..<8).map { _ in awkwardMessage(&generator, endsLine: true) }
            var options = MboxWriter.Options()
            options.lineEnds = lineEnds
            let writer = try MboxWriter(path: "\(folder.path)/\(seed)", options)
            for (i, message) in messages.enumerated() {
                writer.begin(date: InternalDate(seconds: Int64(i) * 1000), flags: [.seen])
                try inPieces(message, &generator) { try writer.write($0) }
                try writer.end()
            }
            try writer.finish()
            #expect(writer.completedLines == 0)
            let read = try readAll(MboxReader(path: "\(folder.path)/\(seed)"))
            #expect(read.map(\.bytes) == messages, "seed \(seed)")
            #expect(read.map(\.internalDate) == (0..<8).map { InternalDate(seconds: $0 * 1000) })
        }
    }

    @Test func bytesOfAFile() throws {
        let writer = try MboxWriter(path: folder.path + "/box")
        writer.begin(date: InternalDate(seconds: 1_007_073_232, zoneMinutes: 60), flags: [.seen])
        let message = Array("Return-Path: <bob@example.org>\r\n\r\nFrom x\r\n>From y\r\nlast".utf8)
        try message.withUnsafeBytes { try writer.write($0) }
        try writer.end()
        writer.begin(date: InternalDate(seconds: 0), flags: [])
        try writer.end()
        #expect(folder.list("").count == 1 && folder.read("box") == nil)
        try writer.finish()
        #expect(folder.list("") == ["box"])
        #expect(writer.completedLines == 1)
        let expected = """
            From bob@example.org Thu Nov 29 22:33:52 2001
            Return-Path: <bob@example.org>

            >From x
            >>From y
            last

            From MAILER-DAEMON Thu Jan  1 00:00:00 1970


            """
        #expect(folder.read("box").map { String(decoding: $0, as: UTF8.self) } == expected)
    }

    @Test func statusHeadersComeBackAsFlags() throws {
        var options = MboxWriter.Options()
        options.statusHeaders = true
        let flags = Flags([.seen, .flagged, .draft], keywords: ["$Forwarded", "work"])
        let writer = try MboxWriter(path: folder.path + "/box", options)
        for flags in [flags, Flags([] as SystemFlags)] {
            writer.begin(date: InternalDate(seconds: 0), flags: flags)
            // The message's own fields do not count any more.
            try Array("X-Status: D\r\nX-Keywords: old\r\n\r\nbody\r\n".utf8).withUnsafeBytes { try writer.write($0) }
            try writer.end()
        }
        try writer.finish()
        let read = try readAll(MboxReader(path: folder.path + "/box"))
        #expect(read.map(\.flags) == [flags, Flags([] as SystemFlags)])
        #expect(text(read[1]) == "Status: O\r\nX-Status: \r\nX-Keywords: \r\nX-Status: D\r\nX-Keywords: old\r\n\r\nbody\r\n")
    }

    @Test func nothingIsOverwrittenAndNothingIsLeftBehind() throws {
        let path = folder.write("box", "old")
        #expect(throws: MailFileError.self) { try MboxWriter(path: path) }
        do {
            let writer = try MboxWriter(path: folder.path + "/new")
            writer.begin(date: InternalDate(seconds: 0), flags: [])
        }
        let late = try MboxWriter(path: folder.path + "/late")
        folder.write("late", "came meanwhile")
        #expect(throws: MailFileError.self) { try late.finish() }
        _ = consume late
        #expect(folder.list("") == ["box", "late"])
        #expect(folder.read("late") == Array("came meanwhile".utf8))
    }
}

@Suite struct MaildirTests {
    let folder = TemporaryFolder()

    @Test(arguments: [LineEnds.lf, .crlf]) func everyMessageComesBack(lineEnds: LineEnds) throws {
        var generator = SeededGenerator(seed: 3)
        let names: [String?] = [nil, "Archive", "Archive/2020", "a.b/ü & c", "Sent"]
        let writer = try MaildirWriter(path: folder.path + "/md/", lineEnds: lineEnds)
        let flags = Flags([.seen, .answered], keywords: ["$Forwarded"])
        var expected: [String: [[UInt8]]] = [:]
        for name in names {
            try writer.beginFolder(name, uidValidity: UIDValidity(77))
            for uid in UInt32(9)...12 {
                let message = awkwardMessage(&generator, endsLine: Bool.random(using: &generator))
                expected[name ?? "", default: []].append(message)
                // The clock goes backwards, the order stays.
                try writer.begin(uid: UID(uid), savedAt: 2000 - Int64(uid), flags: flags)
                try inPieces(message, &generator) { try writer.write($0) }
                try writer.end(date: InternalDate(seconds: Int64(uid) * 100))
            }
        }
        #expect(folder.list("").allSatisfy { $0.hasPrefix("md.partial-") })
        try writer.finish()
        #expect(folder.list("") == ["md"])
        #expect(folder.list("md/cur").first == "1991.V77U0000000009.varve:2,PRS")
        #expect(folder.list("md").contains(".a&AC4-b.&APw- &- c"))
        let folders = try Maildir.folders(in: folder.path + "/md")
        #expect(folders.map(\.name) == [nil, "Archive", "Archive/2020", "Sent", "a.b/ü & c"])
        for folder in folders {
            let read = try readAll(MaildirReader(folder))
            #expect(read.map(\.bytes) == expected[folder.name ?? ""], "\(folder.name ?? "")")
            #expect(read.allSatisfy { $0.flags == flags })
            #expect(read.map(\.internalDate) == (9...12).map { InternalDate(seconds: $0 * 100) })
        }
    }

    @Test func anAbandonedWriterLeavesNothing() throws {
        do {
            let writer = try MaildirWriter(path: folder.path + "/md")
            try writer.beginFolder("x", uidValidity: UIDValidity(1))
            try writer.begin(uid: 1, savedAt: 0, flags: [])
        }
        #expect(folder.list("").isEmpty)
        folder.makeFolder("md")
        #expect(throws: MailFileError.self) { try MaildirWriter(path: folder.path + "/md") }
    }

    @Test func orderFlagsAndWhatIsNotRead() throws {
        for name in ["cur", "new", "tmp", ".Sub", ".Sub/cur", ".empty", "plain", "plain/cur"] { folder.makeFolder(name) }
        folder.write("new/5.b.host", "new\n", time: 500)
        folder.write("cur/10.a.host:2,S", "ten\n", time: 1000)
        folder.write("cur/9.z.host;2,FT", "nine\n", time: 900)
        folder.write("cur/9.a.host!2,DR", "nine a\r\nx\n", time: 901)
        folder.write("cur/noinfo", "none\n")
        folder.write("cur/.hidden", "x\n")
        folder.write("tmp/1.x", "x\n")
        folder.makeFolder("cur/folder")
        folder.write("outside", "secret\n")
        #expect(symlink(folder.path + "/outside", folder.path + "/cur/99.link:2,S") == 0)
        #expect(symlink(folder.path + "/plain", folder.path + "/.Linked") == 0)
        let folders = try Maildir.folders(in: folder.path)
        #expect(folders.map(\.name) == [nil, "Sub"])
        let reader = try MaildirReader(folders[0])
        var seen: [String] = []
        var flags: [SystemFlags] = []
        while let item = try reader.next() {
            switch item {
            case .message(let message):
                seen.append(text(message))
                flags.append(message.flags.system)
            case .skipped(let place, let reason): seen.append("skipped \(place.path.split(separator: "/").last!): \(reason)")
            }
        }
        #expect(
            seen == [
                "skipped folder: it is no file", "none\r\n", "new\r\n", "nine a\r\nx\r\n", "nine\r\n", "ten\r\n",
                "skipped 99.link:2,S: it is a link",
            ])
        #expect(flags == [[], [], [.draft, .answered], [.flagged, .deleted], [.seen]])
        #expect(try readAll(MaildirReader(folders[1])).isEmpty)
        #expect(throws: MailFileError.self) { try Maildir.folders(in: folder.path + "/.empty") }
    }

    @Test func largeMessagesAreSkipped() throws {
        folder.makeFolder("cur")
        folder.write("cur/1.a", String(repeating: "\n", count: 60))
        folder.write("cur/2.b", String(repeating: "x", count: 101))
        folder.write("cur/3.c", "fits")
        let reader = try MaildirReader(MaildirFolder(path: folder.path, name: nil), maximumMessageSize: 100)
        var count = 0
        while let item = try reader.next() {
            if case .message(let message) = item { #expect(text(message) == "fits") } else { count += 1 }
        }
        #expect(count == 2)
    }

    @Test(arguments: [
        (".Archive.2020", "Archive/2020"), (".a..b", "a/b"), (".Entw&APw-rfe", "Entwürfe"), (".x&-y", "x&y"),
        (".bad&APw", "bad&APw"), (".slash&AC8-", "slash&AC8-"), (".&2D3cCg-", "🐊"), (".half&2D0-", "half&2D0-"),
    ])
    func folderNames(folder: String, mailbox: String) {
        #expect(MaildirFolderName.mailbox(folder) == mailbox)
    }

    @Test(arguments: ["x", ".", "..", "..."]) func noFolders(name: String) {
        #expect(MaildirFolderName.mailbox(name) == nil)
    }

    @Test(arguments: ["Archive/2020", "a.b/c.d", "ü", "🐊/x&y", "&", "~peter/mail/台北/日本語", "-", " "])
    func folderNamesComeBack(mailbox: String) {
        #expect(MaildirFolderName.mailbox(MaildirFolderName.folder(mailbox)) == mailbox)
    }
}
