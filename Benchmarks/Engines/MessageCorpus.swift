import Foundation
import TestSupport

/// Messages of one size, as many as one likes, the same for the same seed: headers as mail has them and text of words that come as
/// often as words do, so that they shrink as mail does. No two are alike.
public struct MessageCorpus: Sendable {
    /// Bytes of each message.
    public let messageSize: Int
    private let templates: [[UInt8]]
    /// Where each template's Message-ID has its digits.
    private let digits: [Int]

    /// Of more messages some differ in their Message-ID alone.
    public static let manyTexts = 2048

    /// - Parameter messageSize: at least 512. - Parameter texts: how many are different but for their Message-ID.
    public init(seed: UInt64, messageSize: Int, texts: Int = manyTexts) {
        precondition(messageSize >= 512, "a message has headers and a text")
        self.messageSize = messageSize
        var random = SeededGenerator(seed: seed)
        let words = MessageCorpus.words(&random)
        var templates: [[UInt8]] = []
        var digits: [Int] = []
        // Of large messages fewer, so that they fit into memory.
        for number in 0..<min(texts, max(4, (16 << 20) / messageSize)) {
            let (bytes, place) = MessageCorpus.template(number, messageSize, words, &random)
            templates.append(bytes)
            digits.append(place)
        }
        self.templates = templates
        self.digits = digits
    }

    public func message(_ number: Int) -> [UInt8] {
        let index = number % templates.count
        var bytes = templates[index]
        var rest = UInt64(number)
        for place in (digits[index]..<digits[index] + 16).reversed() {
            bytes[place] = MessageCorpus.hexadecimal[Int(rest & 15)]
            rest >>= 4
        }
        return bytes
    }

    private static let hexadecimal = Array("0123456789abcdef".utf8)

    private static func words(_ random: inout SeededGenerator) -> [String] {
        let syllables = ["ba", "ke", "lo", "mi", "nu", "ra", "se", "to", "vi", "an", "er", "in", "or", "st", "th", "qu", "dre", "fla"]
        return (0..<4000).map { _ in
            (0..<Int.random(in: 1...4, using: &random)).map { _ in syllables.randomElement(using: &random)! }.joined()
        }
    }

    /// The few first words often, the many last ones seldom: as in a language.
    private static func word(_ words: [String], _ random: inout SeededGenerator) -> String {
        let share = Double.random(in: 0..<1, using: &random)
        return words[min(words.count - 1, Int(pow(Double(words.count), share)) - 1)]
    }

    private static func template(
        _ number: Int, _ size: Int, _ words: [String], _ random: inout SeededGenerator
    ) -> (bytes: [UInt8], digits: Int) {
        let from = word(words, &random)
        let to = word(words, &random)
        let host = "mail\(Int.random(in: 1...40, using: &random)).example.org"
        let clock = String(
            format: "%02d:%02d:%02d", Int.random(in: 0..<24, using: &random), Int.random(in: 0..<60, using: &random),
            Int.random(in: 0..<60, using: &random))
        let subject = (0..<4).map { _ in word(words, &random) }.joined(separator: " ")
        let id = "Message-ID: <"
        var head = "From: \(from.capitalized) <\(from)@\(host)>\r\nTo: \(to.capitalized) <\(to)@example.net>\r\n"
        head += "Subject: \(subject)\r\nDate: Wed, \(1 + number % 28) Nov 2026 \(clock) +0100\r\n\(id)"
        let digits = head.utf8.count
        head += String(repeating: "0", count: 16) + "@\(host)>\r\nMIME-Version: 1.0\r\n"
        head += "Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
        var bytes = Array(head.utf8)
        bytes.reserveCapacity(size + 128)
        var column = 0
        while bytes.count < size {
            let next = word(words, &random)
            if column + next.utf8.count > 72 {
                bytes.append(contentsOf: "\r\n".utf8)
                column = 0
            }
            bytes.append(contentsOf: next.utf8)
            bytes.append(UInt8(ascii: " "))
            column += next.utf8.count + 1
        }
        bytes.removeLast(bytes.count - size)
        // No line's end is cut in two.
        if bytes[size - 3] == 13 { bytes[size - 3] = UInt8(ascii: ".") }
        bytes.replaceSubrange(size - 2..<size, with: "\r\n".utf8)
        return (bytes, digits)
    }
}
