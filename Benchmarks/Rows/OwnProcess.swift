import BenchContest
import Foundation
import MailModel
import MailboxEngines

/// Work that is measured in a process of its own: since it begins with one, or since all the memory is its.
public enum OwnProcess {
    /// What such a process tells, as a line of JSON.
    public struct Report: Codable, Sendable {
        public var seconds: Double
        /// Bytes resident at most, mapped files included; this and the next of a load only, else 0.
        public var resident: Int
        /// Bytes at most that are no file's.
        public var anonymous: Int
    }

    public enum Work: String, Sendable {
        /// Fills a mailbox.
        case load
        /// Opens, reads a mailbox' state and closes.
        case open
        /// Appends 1,000 messages and ends without closing.
        case crash
    }

    static let mailbox = "large"

    /// Does the work; in a process of its own.
    public static func perform(_ work: Work, engine name: String, folder: String, messages: Int, seed: UInt64) throws -> Report {
        guard let type = Engines.all.first(where: { $0.name == name }) else { throw EngineError(name, "is not in this build") }
        // Who looks at the memory takes locks of it that an opening of some microseconds waits for.
        let memory = work == .load ? MemoryWatch() : nil
        var taken = 0.0
        switch work {
        case .load:
            let corpus = MessageCorpus(seed: seed, messageSize: EnginePlan.smallMessage)
            let engine = try type.open(folder)
            try engine.create([mailbox])
            let key = try engine.mailbox(mailbox)
            taken = try seconds { try engine.load(corpus, into: [(key, messages)]) }
            memory?.stop()
            try engine.close()
        case .open:
            var count: UInt32 = 0
            var engine: (any MailboxEngine)?
            taken = try seconds {
                engine = try type.open(folder)
                count = try engine!.status(of: engine!.mailbox(mailbox)).messages
            }
            guard count >= messages else { throw EngineError(name, "\(count) messages where \(messages) were loaded") }
            try engine!.close()
        case .crash:
            let corpus = MessageCorpus(seed: seed, messageSize: EnginePlan.smallMessage)
            let engine = try type.open(folder)
            let key = try engine.mailbox(mailbox)
            taken = try seconds { for number in 0..<1000 { _ = try engine.append(corpus.message(number), to: key) } }
        }
        return Report(seconds: taken, resident: memory?.resident ?? 0, anonymous: memory?.anonymous ?? 0)
    }

    /// Runs a process for it, and waits.
    static func run(_ work: Work, engine: String, folder: String, _ plan: EnginePlan) throws -> Report {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: plan.program)
        process.arguments = [
            "engine-process", work.rawValue, "--engine", engine, "--folder", folder, "--messages", "\(plan.messages)", "--seed",
            "\(plan.seed)",
        ]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw EngineError(engine, "\(work) ended with \(process.terminationStatus)") }
        return try JSONDecoder().decode(Report.self, from: bytes)
    }
}

/// Looks every few milliseconds how much memory the process has.
private final class MemoryWatch: @unchecked Sendable {
    private let lock = NSLock()
    private var isStopped = false
    private var largest = 0
    private let before: Int

    init() {
        before = MemoryWatch.kilobytes("RssAnon")
        Thread.detachNewThread { [self] in
            while lock.withLock({ !isStopped }) {
                let current = MemoryWatch.kilobytes("RssAnon")
                lock.withLock { largest = max(largest, current) }
                usleep(5000)
            }
        }
    }

    func stop() {
        let current = MemoryWatch.kilobytes("RssAnon")
        lock.withLock {
            isStopped = true
            largest = max(largest, current)
        }
    }

    var anonymous: Int { lock.withLock { max(0, largest - before) << 10 } }
    var resident: Int { MemoryWatch.kilobytes("VmHWM") << 10 }

    private static func kilobytes(_ name: String) -> Int {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return 0 }
        for line in status.split(separator: "\n") where line.hasPrefix(name + ":") {
            return Int(line.filter(\.isNumber)) ?? 0
        }
        return 0
    }
}
