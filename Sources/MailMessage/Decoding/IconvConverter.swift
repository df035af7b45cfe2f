import Glibc

/// The C library's converter from one charset to UTF-8.
///
/// It is only ever given the charsets that `CharsetNames` lists. Mail says what it likes, and each name that the library
/// knows is a converter of its own, loaded at run time, some of them known for endless loops and failed assertions; a
/// name of mail is looked up, never handed on.
struct IconvConverter: ~Copyable {
    private let descriptor: iconv_t
    private let unit: Int
    /// What is to be converted: the end of the piece before that was no whole character, and some of this one.
    private let input: UnsafeMutablePointer<CChar>
    private var held = 0
    private var illFormed = 0
    /// Bytes taken in and made so far, for `DecodingLimits.charsetExpansion`.
    private var taken = 0
    private var made = 0

    private static let inputSize = 2048
    /// No character has more bytes, an escape sequence included. What is longer and still incomplete is ill-formed.
    private static let longestCharacter = 16

    /// Nil if the library lacks it, or means are short.
    init?(_ charset: CharsetEncoding.Converter) {
        guard let opened = iconv_open("UTF-8", charset.name), Int(bitPattern: opened) != -1 else { return nil }
        descriptor = opened
        unit = charset.unit
        input = .allocate(capacity: IconvConverter.inputSize)
    }

    deinit {
        iconv_close(descriptor)
        input.deallocate()
    }

    mutating func decode(_ bytes: UnsafeRawBufferPointer, into output: inout DecodedBytes) {
        var position = 0
        while position < bytes.count {
            let count = Swift.min(bytes.count - position, IconvConverter.inputSize - held)
            UnsafeMutableRawPointer(input + held).copyMemory(from: bytes.baseAddress! + position, byteCount: count)
            position += count
            held += count
            taken += count
            convert(isLast: false, into: &output)
        }
    }

    /// Ends the text and goes back to the charset's initial state.
    mutating func finish(into output: inout DecodedBytes) {
        convert(isLast: true, into: &output)
        // Converters of charsets with combining characters keep the last one back.
        var room = 64
        let to = output.reserve(room)
        to.withMemoryRebound(to: CChar.self, capacity: room) { start in
            var next: UnsafeMutablePointer<CChar>? = start
            _ = iconv(descriptor, nil, nil, &next, &room)
        }
        output.advance(64 - room)
        _ = iconv(descriptor, nil, nil, nil, nil)
        illFormed = 0
        taken = 0
        made = 0
    }

    /// Converts `input[..<held]` and keeps what is an incomplete character; at the end of the text that is ill-formed.
    private mutating func convert(isLast: Bool, into output: inout DecodedBytes) {
        var start = 0
        while start < held {
            if illFormed >= DecodingLimits.illFormedSequences || made > taken * DecodingLimits.charsetExpansion + 64 {
                giveUp(from: start, into: &output)
                break
            }
            let (read, written, error) = step(from: start, into: &output)
            start += read
            made += written
            switch error {
            case 0 where read > 0 || written > 0, E2BIG where read > 0 || written > 0:
                break
            case EINVAL where !isLast && held - start <= IconvConverter.longestCharacter:
                keep(from: start)
                return
            default:
                output.append(scalar: 0xFFFD)
                made += 3
                illFormed += 1
                start += Swift.min(unit, held - start)
            }
        }
        held = 0
    }

    /// One call of the library.
    /// - Returns: bytes read, bytes written, and the error that stopped it; 0 if all was read.
    private func step(from start: Int, into output: inout DecodedBytes) -> (Int, Int, Int32) {
        let left = held - start
        let size = left * 2 + 64
        var inputLeft = left
        var outputLeft = size
        var next: UnsafeMutablePointer<CChar>? = input + start
        let to = output.reserve(size)
        let error: Int32 = to.withMemoryRebound(to: CChar.self, capacity: size) { buffer in
            var nextOutput: UnsafeMutablePointer<CChar>? = buffer
            return iconv(descriptor, &next, &inputLeft, &nextOutput, &outputLeft) == -1 ? errno : 0
        }
        output.advance(size - outputLeft)
        return (left - inputLeft, size - outputLeft, error)
    }

    private mutating func keep(from start: Int) {
        input.update(from: input + start, count: held - start)
        held -= start
    }

    /// Too much is wrong: the charset is not what the mail says. ASCII stays, for a search to find it.
    private func giveUp(from start: Int, into output: inout DecodedBytes) {
        let rest = UnsafeRawBufferPointer(start: input + start, count: held - start)
        SingleByteCharset.decodeASCII(rest, into: &output)
    }
}
