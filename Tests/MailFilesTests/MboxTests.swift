import MailModel
import TestSupport
import Testing

@testable import MailFiles

func readAll(_ source: any MailSource) throws -> [MailFileMessage] {
    var result: [MailFileMessage] = []
    while let item = try source.next() {
        guard case .message(let message) = item else {
            Issue.record("skipped: \(item)")
            continue
        }
        result.append(message)
    }
    return result
}

func text(_ message: MailFileMessage) -> String { String(decoding: message.bytes, as: UTF8.self) }

@Suite struct MboxReaderTests {
    let folder = TemporaryFolder()

    private func read(_ content: String, _ quoting: MboxQuoting = .mboxrd) throws -> [MailFileMessage] {
        try readAll(MboxReader(path: folder.write("box", content), quoting: quoting))
    }

    private static let from = "From alice@example.org Mon Jun  3 12:50:27 1996\n"

    @Test func emptyLineBelongsToTheSeparator() throws {
        let content = Self.from + "A: 1\n\nbody\n\n" + Self.from + "\n" + Self.from + "A: 2\n\n\n\n" + Self.from + "end"
        #expect(try read(content).map(text) == ["A: 1\r\n\r\nbody\r\n", "", "A: 2\r\n\r\n\r\n", "end"])
    }

    @Test func lineEnds() throws {
        let from = Self.from.dropLast()
        let content = "\n" + from + "\r\nA: 1\r\n\r\nlone \r cr\r\nbare\ntwo\r\r\n\r\n" + from + "\r\nB\r\n"
        #expect(try read(content).map(text) == ["A: 1\r\n\r\nlone \r cr\r\nbare\r\ntwo\r\r\n", "B\r\n"])
    }

    @Test func quoting() throws {
        let content = Self.from + ">From a\n>>From b\n>>>From c\n> From d\n>Fromage\nx >From e\n"
        #expect(try read(content).map(text) == ["From a\r\n>From b\r\n>>From c\r\n> From d\r\n>Fromage\r\nx >From e\r\n"])
        let rest = "From a\r\n>>From b\r\n>>>From c\r\n> From d\r\n>Fromage\r\nx >From e\r\n"
        #expect(try read(content, .mboxo).map(text) == [rest])
        #expect(try read(content, .none).map(text) == [">" + rest])
    }

    @Test func proseIsNoSeparator() throws {
        let content = Self.from + "a\n\nFrom here on\n\nFrom me to you, on Monday\n\nFrom alice@example.org\n\nFrom - to\n"
        #expect(try read(content).count == 1)
    }

    @Test func netscapeWritesNoEmptyLineAndNoDate() throws {
        let content = "From - \nA: 1\n\n--x--\nFrom - \nA: 2\n\nb\nFrom - Mon Jun  3 12:50:27 1996\nA: 3\n\n"
        let messages = try read(content)
        #expect(messages.map(text) == ["A: 1\r\n\r\n--x--\r\n", "A: 2\r\n\r\nb\r\n", "A: 3\r\n"])
        #expect(messages.map(\.internalDate) == [nil, nil, InternalDate(seconds: 833_806_227)])
        #expect(messages[1].place.offset == 20)
    }

    @Test func emptyAndForeignFiles() throws {
        #expect(try read("").isEmpty)
        #expect(try read("\n\n").isEmpty)
        #expect(throws: MailFileError.self) { try read("Subject: x\n\nbody\n") }
        #expect(throws: MailFileError.self) { try MboxReader(path: folder.path + "/none") }
        #expect(throws: MailFileError.self) { try MboxReader(path: folder.path) }
        #expect(try read("From whatever\nA: 1\n").map(text) == ["A: 1\r\n"])
    }

    @Test func largeMessagesAreSkippedWithTheirPlace() throws {
        let large = String(repeating: "x", count: 200)
        let content = Self.from + "small\n\n" + Self.from + large + "\n\n" + Self.from + "last\n"
        let reader = try MboxReader(path: folder.write("box", content), quoting: .mboxrd, maximumMessageSize: 100)
        var seen: [String] = []
        while let item = try reader.next() {
            switch item {
            case .message(let message): seen.append(text(message))
            case .skipped(let place, _): seen.append("skipped \(place.offset ?? -1)")
            }
        }
        #expect(seen == ["small\r\n", "skipped 55", "last\r\n"])
    }

    @Test func linesLongerThanTheWindow() throws {
        let long = String(repeating: "x", count: LineReader.windowSize + 10)
        let angles = String(repeating: ">", count: LineReader.windowSize + 10)
        let content = Self.from + long + "\n" + angles + "From x\n" + angles + "\n\n" + Self.from + long + "\r\n"
        let messages = try read(content)
        #expect(messages.count == 2)
        #expect(messages[0].bytes == Array((long + "\r\n" + angles.dropLast() + "From x\r\n" + angles + "\r\n").utf8))
        #expect(messages[1].bytes == Array((long + "\r\n").utf8))
    }

    @Test func flagsAreReadAndTheirFieldsStay() throws {
        let content = Self.from + "STATUS: RO\nX-Status: AFTD\nX-Keywords: $Forwarded a,A (bad)\n more\n"
            + "Status: O\n\nX-Status: D\n"
        let message = try #require(try read(content).first)
        #expect(message.flags.system == .all)
        #expect(message.flags.keywords == ["$Forwarded", "a", "more"])
        #expect(text(message).hasPrefix("STATUS: RO\r\nX-Status: AFTD\r\n"))
        #expect(try read(Self.from + "Subject: x\n\nStatus: R\n").first?.flags.isEmpty == true)
        #expect(try read(Self.from + "Status: O\nXStatus: A\n\n").first?.flags.isEmpty == true)
    }

    @Test func randomFilesAreReadWithoutHarm() throws {
        for seed in UInt64(1)...200 {
            var generator = SeededGenerator(seed: seed)
            var content = Array("From x\n".utf8)
            for _ in 0..<5 { content += awkwardMessage(&generator, endsLine: Bool.random(using: &generator)) }
            let reader = try MboxReader(path: folder.write("box", content))
            while let item = try reader.next() {
                guard case .message(let message) = item else { continue }
                let hasBareLF = zip(message.bytes, message.bytes.dropFirst()).contains { $0 != 13 && $1 == 10 }
                #expect(!hasBareLF && message.bytes.first != 10, "seed \(seed)")
            }
            #expect(reader.bytesRead == content.count, "seed \(seed)")
        }
    }
}

@Suite struct FromLineTests {
    private func parse(_ line: String) -> (isSeparator: Bool, date: InternalDate?) {
        Array(line.utf8).withUnsafeBytes { FromLine.parse($0) }
    }

    @Test(arguments: [
        ("From a@b Thu Nov 29 22:33:52 2001\n", 1_007_073_232, 0),
        ("From a@b Thu Nov 29 22:33:52 2001\r\n", 1_007_073_232, 0),
        ("From Thu Nov 29 22:33:52 2001", 1_007_073_232, 0), ("From - Thu Nov 29 22:33 2001", 1_007_073_180, 0),
        ("From a@b Thu Nov 29 22:33:52 2001 +0200", 1_007_066_032, 120),
        ("From a@b Thu Nov 29 22:33:52 -0330 2001", 1_007_085_832, -210),
        ("From a@b Thu Nov 29 22:33:52 EST 2001", 1_007_091_232, -300),
        ("From a@b Thu Nov 29 22:33:52 MET DST 2001", 1_007_066_032, 120),
        ("From a!b Thu Nov 29 22:33:52 2001 remote from host", 1_007_073_232, 0),
        ("From a@b Thu, 29 Nov 2001 22:33:52 +0000", 1_007_073_232, 0),
        ("From \"John Doe\"@b Thu Nov 29 22:33:52 01", 1_007_073_232, 0),
        ("From Sun Mon Thu Nov  9 02:03:04 1995", 815_882_584, 0), ("From a@b Mon Feb 29 00:00:00 2000", 951_782_400, 0),
    ])
    func dates(line: String, seconds: Int64, zone: Int16) {
        let result = parse(line)
        #expect(result.isSeparator)
        #expect(result.date == InternalDate(seconds: seconds, zoneMinutes: zone))
    }

    @Test(arguments: [
        "From a@b", "From ", "From -x", "From a Thu Nov 29 22:33:52 2001 and so on", "From a Thu Nov 32 22:33:52 2001",
        "From a Thu Nov 29 24:33:52 2001", "From a Nov 29 22:33:52 2001", "From a Thu Nov 29 2001",
        "from a Thu Nov 29 22:33:52 2001",
        "From a Thu Nov 29 22:33:52", "From a Thu", "From a Thu Nov 29 22:33:52 99999",
        "From " + String(repeating: "x ", count: 600) + "Thu Nov 29 22:33:52 2001",
    ])
    func proseIsNone(line: String) { #expect(!parse(line).isSeparator) }

    @Test func asctimeIsReadBack() {
        var generator = SeededGenerator(seed: 7)
        let fixed: [Int64] = [0, -1, 1_007_073_232, 951_782_399, 951_782_400, 4_102_444_799, 253_402_300_799]
        let random = (0..<1000).map { _ in Int64.random(in: -2_208_988_800...253_402_300_799, using: &generator) }
        for seconds in fixed + random {
            #expect(parse("From x \(CivilTime.asctime(seconds))").date?.seconds == seconds, "\(seconds)")
        }
        #expect(CivilTime.asctime(1_007_073_232) == "Thu Nov 29 22:33:52 2001")
        #expect(CivilTime.asctime(0) == "Thu Jan  1 00:00:00 1970")
        #expect(CivilTime.asctime(.max) == "Fri Dec 31 23:59:59 9999")
        #expect(CivilTime.asctime(.min) == "Sat Jan  1 00:00:00 0000")
    }
}
