/// Decodes quoted-printable as mail has it (RFC 2045 §6.7). An `=` that begins no escape and ends no line stays as it is;
/// hexadecimal digits may be lower-case; white space at a line's end is padding, behind a soft line break's `=` too.
///
/// The end of the text counts as the end of a line.
struct QuotedPrintableDecoder {
    /// What has been read and cannot be decided before more is seen.
    private enum Held {
        case nothing
        /// `=`
        case equals
        /// `=` and a hexadecimal digit.
        case digit(UInt8)
        /// White space that a line's end would make padding; `soft` if an `=` stands before it.
        case space(soft: Bool)
        /// The same, and a CR behind.
        case carriageReturn(soft: Bool)
    }
    private var held = Held.nothing
    /// The white space of `Held`.
    private var padding: [UInt8] = []

    mutating func decode(_ bytes: UnsafeRawBufferPointer, into output: inout DecodedBytes) {
        var i = 0
        while i < bytes.count {
            if case .nothing = held {
                let end = QuotedPrintableDecoder.endOfText(bytes, from: i)
                output.append(UnsafeRawBufferPointer(rebasing: bytes[i..<end]))
                i = end
                if i == bytes.count { return }
            }
            if step(bytes[i], &output) { i += 1 }
        }
    }

    mutating func finish(into output: inout DecodedBytes) {
        switch held {
        case .digit(let digit):
            output.append(QuotedPrintableDecoder.equals)
            output.append(digit)
        case .carriageReturn(soft: false):
            output.append(QuotedPrintableDecoder.cr)
        default:
            break
        }
        holdNothing()
    }

    /// Takes one byte.
    /// - Returns: false if the byte has to be looked at once more, now that what was held is out.
    private mutating func step(_ byte: UInt8, _ output: inout DecodedBytes) -> Bool {
        switch held {
        case .nothing:
            return begin(byte, &output)
        case .equals:
            if Hexadecimal.value(byte) != nil {
                held = .digit(byte)
                return true
            }
            held = .space(soft: true)
            return false
        case .digit(let first):
            held = .nothing
            if let high = Hexadecimal.value(first), let low = Hexadecimal.value(byte) {
                output.append(high << 4 | low)
                return true
            }
            output.append(QuotedPrintableDecoder.equals)
            output.append(first)
            return false
        case .space(let soft):
            return continuePadding(byte, soft: soft, &output)
        case .carriageReturn(let soft):
            if byte == QuotedPrintableDecoder.lf {
                endLine(soft: soft, &output)
                return true
            }
            release(soft: soft, &output)
            output.append(QuotedPrintableDecoder.cr)
            return false
        }
    }

    private mutating func begin(_ byte: UInt8, _ output: inout DecodedBytes) -> Bool {
        switch byte {
        case QuotedPrintableDecoder.equals: held = .equals
        case QuotedPrintableDecoder.space, QuotedPrintableDecoder.tab:
            padding.append(byte)
            held = .space(soft: false)
        case QuotedPrintableDecoder.cr: held = .carriageReturn(soft: false)
        default: output.append(byte)
        }
        return true
    }

    private mutating func continuePadding(_ byte: UInt8, soft: Bool, _ output: inout DecodedBytes) -> Bool {
        switch byte {
        case QuotedPrintableDecoder.space, QuotedPrintableDecoder.tab:
            if padding.count == DecodingLimits.linePadding {
                release(soft: soft, &output)
                return false
            }
            padding.append(byte)
            return true
        case QuotedPrintableDecoder.cr:
            held = .carriageReturn(soft: soft)
            return true
        case QuotedPrintableDecoder.lf:
            holdNothing()
            if !soft { output.append(byte) }
            return true
        default:
            release(soft: soft, &output)
            return false
        }
    }

    /// At CRLF: what is held was padding.
    private mutating func endLine(soft: Bool, _ output: inout DecodedBytes) {
        holdNothing()
        if !soft {
            output.append(QuotedPrintableDecoder.cr)
            output.append(QuotedPrintableDecoder.lf)
        }
    }

    /// What is held was text.
    private mutating func release(soft: Bool, _ output: inout DecodedBytes) {
        if soft { output.append(QuotedPrintableDecoder.equals) }
        if !padding.isEmpty { padding.withUnsafeBytes { output.append($0) } }
        holdNothing()
    }

    private mutating func holdNothing() {
        if !padding.isEmpty { padding.removeAll(keepingCapacity: true) }
        held = .nothing
    }

    /// Where the bytes end that stand for themselves whatever comes behind them.
    private static func endOfText(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var i = start
        while i < bytes.count {
            let byte = bytes[i]
            if byte > equals || (byte < equals && byte > space) {
                i += 1
                continue
            }
            switch byte {
            case equals:
                return i
            case space, tab, cr:
                // A blank between words, and the CR of CRLF, need no holding.
                guard i + 1 < bytes.count else { return i }
                let next = bytes[i + 1]
                let plain = byte == cr ? next == lf : next > space
                if !plain { return i }
                i += 1
            default:
                i += 1
            }
        }
        return i
    }

    private static let equals = UInt8(ascii: "=")
    private static let space = UInt8(ascii: " ")
    private static let tab = UInt8(ascii: "\t")
    private static let cr = UInt8(ascii: "\r")
    private static let lf = UInt8(ascii: "\n")
}

enum Hexadecimal {
    /// The value of a digit; nil for any other byte.
    @inline(__always)
    static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
