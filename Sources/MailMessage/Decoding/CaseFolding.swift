/// Makes scalars that differ in case only one: each becomes the lower case of its upper case. That is Unicode's full case
/// folding but for the Turkish `ı`, which is an `i` here: `ß` and `SS` are one, as are `σ` and `ς`, `ﬁ` and `fi`.
struct CaseFolding: Sendable {
    /// By a scalar's upper bits the place of its 256 in `foldings`, divided by 256; `uncased` where none has case.
    private let pages: [UInt8]
    /// What each scalar becomes, as UTF-8: the bytes, the first one lowest, and their number in the top byte.
    private let foldings: [UInt64]

    /// Built when first needed; about 60 KB.
    static let table = CaseFolding()

    /// The most bytes that `fold` makes of a scalar, and of each byte that the scalar stood in.
    static let longest = 7
    static let expansion = 3

    private static let uncased: UInt8 = 0xFF

    /// The upper bits of all scalars that have case: Latin, Greek, Cyrillic, Armenian, Georgian, Cherokee, Glagolitic,
    /// Coptic, letterlike and enclosed ones, and the scripts of the supplementary plane.
    private static let casedPages: [UInt32] = [
        0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x10, 0x13, 0x1C, 0x1D, 0x1E, 0x1F, 0x21, 0x24, 0x2C, 0x2D,
        0xA6, 0xA7, 0xAB, 0xFB, 0xFF, 0x104, 0x105, 0x10C, 0x10D, 0x118, 0x16E, 0x1E9,
    ]

    private init() {
        var pages = [UInt8](repeating: CaseFolding.uncased, count: 0x1EA)
        var foldings: [UInt64] = []
        foldings.reserveCapacity(CaseFolding.casedPages.count * 256)
        for page in CaseFolding.casedPages {
            pages[Int(page)] = UInt8(foldings.count / 256)
            for low in 0..<UInt32(256) { foldings.append(CaseFolding.packed(page << 8 | low)) }
        }
        self.pages = pages
        self.foldings = foldings
    }

    /// Writes what `scalar` becomes.
    /// - Parameter to: has room for 8 bytes.
    /// - Returns: how many were written; 0 if the scalar stays as it is, which is then for the caller to write.
    @inline(__always)
    func fold(_ scalar: UInt32, _ to: UnsafeMutablePointer<UInt8>) -> Int {
        let page = Int(scalar >> 8)
        guard page < pages.count, pages[page] != CaseFolding.uncased else { return 0 }
        let folding = foldings[Int(pages[page]) << 8 | Int(scalar & 0xFF)]
        UnsafeMutableRawPointer(to).storeBytes(of: folding.littleEndian, as: UInt64.self)
        return Int(folding >> 56)
    }

    /// Folds ASCII; `to` has room for as many bytes.
    @inline(__always)
    static func foldASCII(_ run: UnsafeRawBufferPointer, _ to: UnsafeMutableRawPointer) {
        guard let from = run.baseAddress else { return }
        var i = 0
        while run.count - i >= 8 {
            let word = from.loadUnaligned(fromByteOffset: i, as: UInt64.self)
            // The top bit of each byte from A up, and of each byte behind Z.
            let fromA = word &+ 0x3F3F_3F3F_3F3F_3F3F
            let behindZ = word &+ 0x2525_2525_2525_2525
            let upper = (fromA ^ behindZ) & 0x8080_8080_8080_8080
            to.storeBytes(of: word | upper >> 2, toByteOffset: i, as: UInt64.self)
            i += 8
        }
        while i < run.count {
            let byte = from.load(fromByteOffset: i, as: UInt8.self)
            let isUpper = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
            to.storeBytes(of: isUpper ? byte | 0x20 : byte, toByteOffset: i, as: UInt8.self)
            i += 1
        }
    }

    /// A string's UTF-8, folded.
    static func folded(_ string: String) -> [UInt8] {
        var result: [UInt8] = []
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 8) { buffer in
            for scalar in string.unicodeScalars {
                let count = table.fold(scalar.value, buffer.baseAddress!)
                if count > 0 {
                    result.append(contentsOf: buffer[..<count])
                } else {
                    result.append(contentsOf: UTF8.encode(scalar)!)
                }
            }
        }
        return result
    }

    private static func packed(_ scalar: UInt32) -> UInt64 {
        guard let scalar = Unicode.Scalar(scalar) else { return 0 }
        // Lower case comes first too, for letters that are their own upper case: ẞ, the Kelvin sign.
        let lower = mapped(String(scalar)) { $0.lowercaseMapping }
        let upper = mapped(lower) { $0.uppercaseMapping }
        let folded = Array(mapped(upper) { $0.lowercaseMapping }.utf8)
        if folded == Array(String(scalar).utf8) || folded.count > longest { return 0 }
        var packed = UInt64(folded.count) << 56
        for (i, byte) in folded.enumerated() { packed |= UInt64(byte) << UInt64(8 * i) }
        return packed
    }

    private static func mapped(_ string: String, _ mapping: (Unicode.Scalar.Properties) -> String) -> String {
        string.unicodeScalars.reduce(into: "") { $0 += mapping($1.properties) }
    }
}
