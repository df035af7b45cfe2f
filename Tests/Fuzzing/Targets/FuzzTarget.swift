import VarveFormat

/// Something that reads foreign bytes, and what must be true whatever they are: it comes to its end, traps nowhere, and keeps
/// the promises that `examine` holds it to.
public enum FuzzTarget: String, CaseIterable, Sendable {
    /// A segment: its header, and frames of messages, commits and footers.
    case frames
    /// A page of an index, or a slot of a superblock.
    case pages
    /// A message: its summary, its parts, its encoded words, a search in it.
    case messages
    /// What an IMAP client sends.
    case commands

    /// A promise that was broken.
    public struct Failure: Error, Sendable, CustomStringConvertible {
        public let description: String
        public init(_ description: String) { self.description = description }
    }

    /// Reads an input.
    /// - Returns: what it met, as numbers: an input that meets something new is worth keeping.
    public func examine(_ input: [UInt8]) throws(Failure) -> Set<Int> {
        var met: Set<Int> = []
        do {
            switch self {
            case .frames: try FrameTarget.examine(input, &met)
            case .pages: try PageTarget.examine(input, &met)
            case .messages: try MessageTarget.examine(input, &met)
            case .commands: try CommandTarget.examine(input, &met)
            }
        } catch let failure as Failure {
            throw failure
        } catch let error as FormatError {
            // Refused: that is what is asked for.
            met.insert(FuzzTarget.feature(error))
        } catch {
            throw Failure("an error of an unexpected kind: \(error)")
        }
        return met
    }

    /// An error without the numbers in it: which condition was broken.
    static func feature(_ error: FormatError) -> Int { 0x10000 + hash(error.description.utf8) }

    /// Of text without its digits.
    static func hash(_ text: some Sequence<UInt8>) -> Int {
        var hash = 5381
        for byte in text where !(48...57).contains(byte) { hash = hash &* 33 &+ Int(byte) }
        return hash & 0xffff_ffff
    }

    static func require(_ condition: Bool, _ what: @autoclosure () -> String) throws(Failure) {
        if !condition { throw Failure(what()) }
    }

    /// Makes checksums right, so that a change is not all caught by them.
    func seal(_ input: inout [UInt8]) {
        switch self {
        case .frames: FrameTarget.seal(&input)
        case .pages: PageTarget.seal(&input)
        case .messages, .commands: break
        }
    }

    /// What the syntax is made of: more happens by these than by any bytes.
    var dictionary: [[UInt8]] {
        switch self {
        case .frames, .pages: FuzzTarget.numbers
        case .messages: MessageTarget.dictionary
        case .commands: CommandTarget.dictionary
        }
    }

    /// Bytes of an input at most.
    var maximumSize: Int {
        switch self {
        case .frames: 64 << 10
        case .pages: 4096
        case .messages: 32 << 10
        case .commands: 8 << 10
        }
    }

    /// Numbers at the edges of their ranges, as fields on disk have them.
    private static let numbers: [[UInt8]] = [
        [0], [1], [0x7f], [0x80], [0xff], [0xff, 0xff], [0, 0x10], [0, 0, 0, 0], [1, 0, 0, 0], [0xff, 0xff, 0xff, 0xff],
        [0xff, 0xff, 0xff, 0x7f], [0, 0, 0, 0x80], [0, 0, 0, 0x40], [0, 0, 0, 0, 0, 0, 0, 0],
        [UInt8](repeating: 0xff, count: 8), [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    ]
}
