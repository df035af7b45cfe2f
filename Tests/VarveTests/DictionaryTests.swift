import MailModel
import TestSupport
import Testing
import VarveFormat
import VarveSimulation

@testable import Varve

/// What small messages have in common stands once in a segment (`Formats/message.md`).
@Suite struct DictionaryTests {
    private static let path = "store"

    private func options(_ disk: any FileSystem, _ adjust: (inout StoreOptions) -> Void = { _ in }) -> StoreOptions {
        var options = StoreOptions()
        options.fileSystem = disk
        options.backgroundMaintenance = false
        options.compaction = .onDemand
        options.clock = { 1_700_000_000_000 }
        options.dictionaries = DictionaryPolicy(size: 4096, samples: 40, tests: 10)
        adjust(&options)
        return options
    }

    /// Messages of one kind have much in common, and each has something of its own.
    private static func text(_ number: Int, kind: String = "chat") -> [UInt8] {
        var random = SeededGenerator(seed: UInt64(number))
        let own = (0..<4).map { _ in String(random.next(), radix: 36) }.joined(separator: " ")
        return Array(
            """
            From: \(kind) sender <sip:+4915\(number)@ims.example.org>\r
            To: \(kind) receiver <sip:+49170\(number * 7)@ims.example.org>\r
            Message-ID: <\(random.next())@ims.example.org>\r
            Conversation-ID: f81d4fae-7dec-11d0-a765-\(kind)\r
            Content-Type: message/cpim\r
            \r
            NS: imdn <urn:ietf:params:imdn>\r
            imdn.Disposition-Notification: positive-delivery, display\r
            \r
            \(own)\r
            """.utf8)
    }

    @discardableResult
    private func append(_ numbers: Range<Int>, kind: String = "chat", to store: Store) throws -> [UID] {
        let inbox = try store.mailbox("INBOX").id
        return try numbers.map { number in
            let message = try store.prepare(DictionaryTests.text(number, kind: kind))
            return try store.commit { try $0.append(message, to: inbox, internalDate: noon) }
        }
    }

    private func expectBodies(_ store: Store, _ numbers: Range<Int>, kind: String = "chat", from first: UInt32 = 1) throws {
        let view = try store.mailbox("INBOX").view()
        for (i, number) in numbers.enumerated() {
            let message = try #require(try view.message(UID(first + UInt32(i))))
            let text = DictionaryTests.text(number, kind: kind)
            let body = try store.body(of: message)
            #expect(try body.bytes() == text, "message \(number)")
            #expect(try body.withSummary { Array($0) } == MessageBytes.summary(text), "the summary of message \(number)")
            var part = [UInt8](repeating: 0, count: 20)
            try part.withUnsafeMutableBytes { try body.read(30..<50, into: $0) }
            #expect(part == Array(text[30..<50]))
        }
    }

    private enum MessageBytes {
        static func summary(_ text: [UInt8]) throws -> [UInt8] {
            let message = try PreparedMessage(text)
            let payload = UnsafeRawBufferPointer(rebasing: message.payload.bytes[..<message.payloadLength])
            let head = try SmallMessageHead(payload)
            return CompressionWorkspace.with { workspace in
                let stored = UnsafeRawBufferPointer(rebasing: payload[head.size...])
                return Array(
                    workspace.inflate(stored, length: head.contentLength, wanted: head.summaryLength, with: nil)!)
            }
        }
    }

    /// The frames of a segment: kind, dictionary of a small message, bytes.
    private func frames(
        _ disk: SimulatedDisk, _ store: StoreUUID, _ number: UInt32
    ) throws -> [(kind: FrameKind?, dictionary: UInt32, length: Int)] {
        let file = try disk.open("\(DictionaryTests.path)/\(FileNames.segment(number))", create: false, writable: false)
        var reader = LogReader(
            file: file, segment: number, tag: store.tag, from: SegmentHeader.size, limit: try file.size())
        var found: [(FrameKind?, UInt32, Int)] = []
        while case .frame(let frame) = try reader.next() {
            var dictionary: UInt32 = 0
            if frame.header.kind == FrameKind.smallMessage.rawValue {
                let bytes = ByteBlock(capacity: Int(frame.header.length))
                _ = try file.read(at: Int(frame.header.position.offset) + FrameHeader.size, into: bytes.bytes)
                dictionary = try SmallMessageHead(UnsafeRawBufferPointer(bytes.bytes)).dictionary
            }
            found.append((FrameKind(rawValue: frame.header.kind), dictionary, Int(frame.header.length)))
        }
        return found
    }

    /// A store whose second segment has a dictionary, and messages from 50 on that are compressed with it.
    private func filled(_ disk: SimulatedDisk, upTo count: Int = 120) throws -> Store {
        let store = try Store.open(at: DictionaryTests.path, options(disk))
        try append(0..<50, to: store)
        store.maintain()
        try append(50..<count, to: store)
        return store
    }

    // MARK: Use

    @Test func messagesAreCompressedWithWhatTheyHaveInCommon() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try filled(disk)
        let first = try frames(disk, store.uuid, 1)
        let second = try frames(disk, store.uuid, 2)
        #expect(first.allSatisfy { $0.dictionary == 0 && $0.kind != .dictionary })
        #expect(second.first?.kind == .dictionary)
        let messages = second.filter { $0.kind == .smallMessage }
        #expect(messages.count == 70)
        #expect(messages[0].dictionary == 0, "it was made ready for the segment before, and stays as it is")
        #expect(Set(messages.dropFirst().map(\.dictionary)).count == 1 && messages[1].dictionary != 0)
        let before = first.filter { $0.kind == .smallMessage }.reduce(0) { $0 + $1.length } / 50
        let after = messages.reduce(0) { $0 + $1.length } / messages.count
        #expect(2 * after < before, "\(before) bytes become \(after)")
        try expectBodies(store, 0..<120)
        try store.checkAndClose()
        // The next opening goes on with it, also in a segment behind.
        let again = try Store.open(at: DictionaryTests.path, options(disk))
        try again.leaveSegment(2)
        try append(120..<130, to: again)
        let third = try frames(disk, store.uuid, 3)
        #expect(third[0].kind == .dictionary && third[1].dictionary == messages[1].dictionary)
        try expectBodies(again, 0..<130)
        try again.checkAndClose()
    }

    @Test func aMessageMadeReadyForAnotherSegmentIsMadeToFit() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try filled(disk)
        let inbox = try store.mailbox("INBOX").id
        let message = try store.prepare(DictionaryTests.text(120))
        #expect(message.dictionary != nil)
        // Another store, without a dictionary; and one that has another.
        let plain = SimulatedDisk(modelsPower: false)
        let other = try Store.open(at: DictionaryTests.path, options(plain) { $0.dictionaries = nil })
        try other.commit { try $0.append(message, to: try other.mailbox("INBOX").id, internalDate: noon) }
        try expectBodies(other, 120..<121)
        try other.checkAndClose()
        try append(1000..<1300, kind: "group", to: store)
        store.maintain()
        try store.commit { try $0.append(message, to: inbox, internalDate: noon) }
        let last = try frames(disk, store.uuid, 3)
        #expect(last.first?.kind == .dictionary)
        let dictionary = try #require(last.first { $0.kind == .smallMessage }).dictionary
        #expect(dictionary != 0 && dictionary != message.dictionary?.number)
        try expectBodies(store, 120..<121, from: 421)
        try store.checkAndClose()
    }

    @Test func anEncryptedStoreHasNone() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try Store.open(
            at: DictionaryTests.path, options(disk) { EncryptedSample.encrypt(&$0, seed: 4) })
        try append(0..<60, to: store)
        store.maintain()
        try append(60..<70, to: store)
        #expect(store.writer.log.current.number == 1)
        #expect(try frames(disk, store.uuid, 1).allSatisfy { $0.dictionary == 0 && $0.kind != .dictionary })
        try expectBodies(store, 0..<70)
        try store.checkAndClose()
    }

    @Test func whereThereIsNothingInCommonThereIsNone() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try Store.open(at: DictionaryTests.path, options(disk))
        let inbox = try store.mailbox("INBOX").id
        var random = SeededGenerator(seed: 5)
        for _ in 0..<60 {
            let noise = (0..<8000).map { _ in UInt8.random(in: 0...255, using: &random) }
            let message = try store.prepare(noise)
            try store.commit { try $0.append(message, to: inbox, internalDate: noon) }
        }
        store.maintain()
        try append(0..<1, to: store)
        #expect(store.writer.log.current.number == 1)
        try store.checkAndClose()
    }

    // MARK: Moves

    @Test func aCompactionMovesMessagesBetweenDictionaries() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try filled(disk)
        try append(1000..<1300, kind: "group", to: store)
        store.maintain()
        try append(1300..<1320, kind: "group", to: store)
        #expect(store.writer.log.current.number == 3)
        let inbox = try store.mailbox("INBOX").id
        // Of the first two segments some are left, made without a dictionary and with the older one.
        try store.commit { tx in
            try tx.expunge(UIDSet(UIDRange(11, 50)), in: inbox, onlyDeleted: false)
            try tx.expunge(UIDSet(UIDRange(61, 400)), in: inbox, onlyDeleted: false)
        }
        let report = try store.compact()
        #expect(report.damage.isEmpty && report.segmentsRemoved >= 2 && report.messagesMoved >= 40)
        try expectBodies(store, 0..<10)
        try expectBodies(store, 50..<60, from: 51)
        try expectBodies(store, 1280..<1320, kind: "group", from: 401)
        let small = try disk.list("\(DictionaryTests.path)/\(FileNames.segments)").compactMap(FileNames.segmentNumber)
            .flatMap { try frames(disk, store.uuid, $0) }.filter { $0.kind == .smallMessage }
        #expect(small.count >= 60 && small.filter { $0.dictionary == 0 }.count <= 1, "what moves shrinks")
        let again = try store.compact()
        #expect(again.segmentsRemoved == 0, "dictionaries are nothing that could be given up")
        try store.checkAndClose()
    }

    // MARK: Damage

    /// Flips a bit in the dictionary of a segment.
    private func damage(_ disk: SimulatedDisk, _ segment: UInt32) {
        disk.damage("\(DictionaryTests.path)/\(FileNames.segment(segment))", at: SegmentHeader.size + 300) { $0 ^ 4 }
    }

    @Test func oneThatRotsIsFoundInAnotherSegment() throws {
        let disk = SimulatedDisk()
        var store = try filled(disk)
        try store.close()
        store = try Store.open(at: DictionaryTests.path, options(disk))
        try store.leaveSegment(2)
        try append(120..<124, to: store)
        try #require(store.writer.log.current.number == 3)
        try store.close()
        damage(disk, 2)
        store = try Store.open(at: DictionaryTests.path, options(disk))
        try expectBodies(store, 0..<124)
        try store.close()
        let report = try StoreCheck.run(at: DictionaryTests.path, options(disk))
        #expect(report.violations.contains { $0.kind == .frame } && report.remedy == .repair, "\(report.violations)")
        guard case .repaired(let repair) = try StoreRepair.run(DictionaryTests.path, into: "new", options(disk)) else {
            Issue.record("a damaged store was not repaired")
            return
        }
        #expect(repair.lostMessages.isEmpty)
        let saved = try Store.open(at: "new", options(disk))
        try expectBodies(saved, 0..<124)
        try saved.checkAndClose()
    }

    @Test func whereItIsLostItsMessagesAreAndNoOthers() throws {
        let disk = SimulatedDisk()
        var store = try filled(disk)
        try store.close()
        damage(disk, 2)
        store = try Store.open(at: DictionaryTests.path, options(disk))
        try expectBodies(store, 0..<50)
        let view = try store.mailbox("INBOX").view()
        let lost = try #require(try view.message(60))
        #expect {
            try store.body(of: lost)
        } throws: { error in
            (error as? StoreError)?.kind == .corrupt && (error as? StoreError)?.message.contains("offset 64") == true
        }
        // New ones go on without it.
        try append(120..<122, to: store)
        try expectBodies(store, 120..<122, from: 121)
        try store.close()
        guard case .repaired(let repair) = try StoreRepair.run(DictionaryTests.path, into: "new", options(disk)) else {
            Issue.record("a damaged store was not repaired")
            return
        }
        #expect(repair.lostMessages.count == 69)
        let saved = try Store.open(at: "new", options(disk))
        try expectBodies(saved, 0..<51)
        try saved.checkAndClose()
    }

    // MARK: What gets into one

    /// Nothing that only one message or two have said.
    @Test(arguments: [UInt64(1), 2, 3]) func secretsStayOut(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let common = (0..<30).map { _ in String(random.next(), radix: 36) }
        var secrets: [String] = []
        var samples = (0..<100).map { _ in [String]() }
        for i in samples.indices {
            samples[i] = (0..<12).map { _ in common.randomElement(using: &random)! }
        }
        for _ in 0..<80 {
            let secret = String(random.next(), radix: 36)
            secrets.append(secret)
            for _ in 0..<2 { samples[Int.random(in: samples.indices, using: &random)].insert(secret, at: 5) }
        }
        var training = DictionaryTraining(samples.map { Array($0.joined(separator: "\n").utf8) })
        let content = training.content(size: 8192)
        let text = String(decoding: content, as: UTF8.self)
        #expect(common.allSatisfy { text.contains($0.dropLast(2)) }, "seed \(seed)")
        for secret in secrets { #expect(!text.contains(secret.prefix(9)), "seed \(seed): \(secret)") }
    }

    /// A message with copies is one message, however many mailboxes it is in.
    @Test func copiesMakeNothingCommon() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try Store.open(at: DictionaryTests.path, options(disk))
        let inbox = try store.mailbox("INBOX").id
        let secret = String(repeating: "the secret word is xyzzy, and nobody else has said it; ", count: 3)
        try append(0..<20, to: store)
        let message = try store.prepare(Array("Subject: secret\r\n\r\n\(secret)\r\n".utf8))
        let uid = try store.commit { try $0.append(message, to: inbox, internalDate: noon) }
        for _ in 0..<10 { try store.commit { try $0.copy(UIDSet(uid), from: inbox, to: inbox) } }
        try append(20..<60, to: store)
        store.maintain()
        try append(60..<62, to: store)
        let dictionary = try #require(store.segmentDictionary())
        let text = String(decoding: dictionary.content.bytes, as: UTF8.self)
        #expect(text.contains("imdn.Disposition") && !text.contains("xyzzy"))
        try store.checkAndClose()
    }

    /// A dictionary says how many messages there were; what stands on a disk may be any number.
    @Test func aDictionaryFromTheEndOfTimeIsKept() throws {
        let disk = SimulatedDisk(modelsPower: false)
        let store = try filled(disk)
        let content = ByteBlock(Array("imdn.Disposition-Notification: positive-delivery, display".utf8))
        let dictionary = try #require(CompressionDictionary(content, nextIdentity: UInt64(Int64.max)))
        store.writer.log.current.dictionary = .known(dictionary)
        store.writer.dictionaryDue = 0
        store.maintain()
        #expect(store.writer.dictionaryDue == .max && store.writer.nextDictionary == nil)
        store.writer.log.current.dictionary = .unknown
        try store.checkAndClose()
    }

    @Test func aDictionaryIsNoLargerThanWanted() {
        let samples = (0..<50).map { DictionaryTests.text($0) }
        for size in [8, 100, 1000] {
            var training = DictionaryTraining(samples)
            let content = training.content(size: size)
            #expect(!content.isEmpty && content.count <= size)
        }
        var nothing = DictionaryTraining([])
        #expect(nothing.content(size: 100).isEmpty)
        var short = DictionaryTraining([[1, 2, 3], [], [1, 2, 3]])
        #expect(short.content(size: 100).isEmpty)
    }
}
