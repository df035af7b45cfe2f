/// Which charset a name of mail means.
///
/// Names are compared by their letters and digits alone, in lower case: `utf-8`, `UTF_8`, `"utf8"` and `utf 8` are one. The
/// list holds IANA's names and aliases for the charsets of mail, what the WHATWG Encoding Standard adds, and what mail
/// programs make of both. Any other name is unknown: EBCDIC and its like do not come by mail.
enum CharsetNames {
    /// The charset of this name; nil if it is unknown. White space, quotes and a language behind `*` (RFC 2231 §5) do not
    /// count.
    static func encoding(_ name: UnsafeRawBufferPointer) -> CharsetEncoding? {
        guard let key = key(name) else { return nil }
        if let found = encodings[key] { return found }
        // `x-sjis`, `csISO2022JP`: unregistered and MIB names of the same.
        if key.hasPrefix("x") { return encodings[String(key.dropFirst())] }
        if key.hasPrefix("cs") { return encodings[String(key.dropFirst(2))] }
        return nil
    }

    /// Letters and digits of a name, in lower case; nil if it is too long, or holds what no charset's name does.
    private static func key(_ name: UnsafeRawBufferPointer) -> String? {
        var key = ""
        var count = 0
        for byte in name {
            count += 1
            if count > DecodingLimits.charsetName { return nil }
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                key.unicodeScalars.append(Unicode.Scalar(byte))
            case UInt8(ascii: "A")...UInt8(ascii: "Z"):
                key.unicodeScalars.append(Unicode.Scalar(byte | 0x20))
            case UInt8(ascii: "*"):
                return key
            case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "+"),
                UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: " "),
                UInt8(ascii: "\t"):
                continue
            default:
                return nil
            }
        }
        return key
    }

    private static let encodings: [String: CharsetEncoding] = {
        var all: [String: CharsetEncoding] = [:]
        func add(_ keys: String, _ encoding: CharsetEncoding) {
            for key in keys.split(separator: " ") {
                precondition(all.updateValue(encoding, forKey: String(key)) == nil, "\(key) stands for two charsets")
            }
        }
        add("utf8 utf utf8mb4 utf8n utf8sig unicode11utf8 unicode20utf8 cp65001 65001 windows65001", .utf8)
        add("usascii ascii ansix341968 ansix341986 iso646us iso646irv1991 isoir6 us ibm367 cp367 646 646us", .ascii)
        add("unknown unknown8bit 8bit 7bit none default defaultcharset autodetect binary", .unknownText)
        add(
            "iso88591 iso885911987 isoir100 latin1 l1 ibm819 cp819 819 88591 iso8859 latin isolatin1 iso1 "
                + "windows1252 cp1252 win1252 ms1252 1252 ansi windows ibm1252",
            .singleByte(.windows1252))
        add("iso885915 iso8859151999 latin9 latin0 l9 isolatin9 885915", .singleByte(.iso885915))
        for (name, keys) in converters {
            let unit = name.hasPrefix("UTF-16") ? 2 : name.hasPrefix("UTF-32") ? 4 : 1
            add(keys, .converter(.init(name: name, unit: unit, joins: name != "UTF-7")))
        }
        return all
    }()

    /// iconv's name, and the keys that mean it.
    static let converters: KeyValuePairs<String, String> = [
        "UTF-7": "utf7 unicode11utf7 unicode20utf7",
        "UTF-16": "utf16 unicode ucs2 iso10646ucs2",
        "UTF-16LE": "utf16le unicodefffe",
        "UTF-16BE": "utf16be unicodefeff",
        "UTF-32": "utf32 ucs4 iso10646ucs4",
        "UTF-32LE": "utf32le",
        "UTF-32BE": "utf32be",

        "ISO-8859-2": "iso88592 iso885921987 isoir101 latin2 l2 isolatin2 88592",
        "ISO-8859-3": "iso88593 iso885931988 isoir109 latin3 l3 isolatin3",
        "ISO-8859-4": "iso88594 iso885941988 isoir110 latin4 l4 isolatin4",
        "ISO-8859-5": "iso88595 iso885951988 isoir144 cyrillic isolatincyrillic",
        "ISO-8859-6": "iso88596 iso88596i iso88596e iso885961987 isoir127 arabic asmo708 ecma114 isolatinarabic",
        "ISO-8859-7": "iso88597 iso885971987 iso885972003 isoir126 greek greek8 ecma118 elot928 suneugreek isolatingreek",
        "ISO-8859-8": "iso88598 iso88598i iso88598e iso885981988 isoir138 hebrew visual logical isolatinhebrew",
        "ISO-8859-9": "iso88599 iso885991989 isoir148 latin5 l5 isolatin5 88599",
        "ISO-8859-10": "iso885910 iso8859101992 isoir157 latin6 l6 isolatin6",
        "ISO-8859-11": "iso885911",
        "ISO-8859-13": "iso885913 latin7 l7 isolatin7",
        "ISO-8859-14": "iso885914 iso8859141998 isoir199 latin8 l8 isoceltic",
        "ISO-8859-16": "iso885916 iso8859162001 isoir226 latin10 l10",

        "CP1250": "windows1250 cp1250 win1250 ms1250 1250",
        "CP1251": "windows1251 cp1251 win1251 ms1251 1251",
        "CP1253": "windows1253 cp1253 win1253 ms1253 1253",
        "CP1254": "windows1254 cp1254 win1254 ms1254 1254",
        "CP1255": "windows1255 cp1255 win1255 ms1255 1255",
        "CP1256": "windows1256 cp1256 win1256 ms1256 1256",
        "CP1257": "windows1257 cp1257 win1257 ms1257 1257",
        "CP1258": "windows1258 cp1258 win1258 ms1258 1258",
        "CP874": "windows874 cp874 ibm874 dos874 874",

        "KOI8-R": "koi8r koi8 koi",
        "KOI8-U": "koi8u koi8ru",
        "KOI8-T": "koi8t",
        "CP437": "ibm437 cp437 437 pc8codepage437",
        "CP737": "ibm737 cp737 737",
        "CP775": "ibm775 cp775 775 pc775baltic",
        "CP850": "ibm850 cp850 850 pc850multilingual",
        "CP852": "ibm852 cp852 852 pcp852",
        "CP855": "ibm855 cp855 855",
        "CP857": "ibm857 cp857 857",
        "CP858": "ibm858 cp858 858 ibm00858 cp00858 ccsid00858 pcmultilingual850euro",
        "CP860": "ibm860 cp860 860",
        "CP861": "ibm861 cp861 861 cpis",
        "CP862": "ibm862 cp862 862 pc862latinhebrew",
        "CP863": "ibm863 cp863 863",
        "CP864": "ibm864 cp864 864",
        "CP865": "ibm865 cp865 865",
        "CP866": "ibm866 cp866 866",
        "CP869": "ibm869 cp869 869 cpgr",
        "MACINTOSH": "macintosh mac macroman xmacroman",
        "MAC-CYRILLIC": "maccyrillic macukrainian",
        "MAC-CENTRALEUROPE": "maccentraleurope macce maccentraleurroman",

        "GB18030": "gb2312 gb23121980 gb231280 isoir58 iso58gb231280 gbk cp936 ms936 windows936 936 gb18030 gb180302000 "
            + "gb180302005 euccn cngb gb chinese simplifiedchinese",
        "BIG5": "big5 cnbig5 big5eten big5tw cp950 ms950 windows950 950 xbig5 xxbig5",
        "BIG5-HKSCS": "big5hkscs",
        "EUC-TW": "euctw cnseuctw",
        "ISO-2022-CN": "iso2022cn",
        "CP932": "shiftjis sjis mskanji cp932 ms932 windows932 932 windows31j shiftjisms mssjis",
        "EUC-JP": "eucjp ujis extendedunixcodepackedformatforjapanese eucpkdfmtjapanese",
        "ISO-2022-JP": "iso2022jp jis jis7",
        "ISO-2022-JP-2": "iso2022jp2 iso2022jp1",
        "UHC": "euckr ksc56011987 ksc56011989 ksc5601 ksc56011992 ksc5601ks isoir149 korean cp949 ms949 windows949 949 uhc",
        "ISO-2022-KR": "iso2022kr",
        "JOHAB": "johab cp1361 ksc5601johab",

        "TIS-620": "tis620 tis6200 tis62025291 tis62025330 thai",
        "VISCII": "viscii viscii111",
        "TCVN5712-1": "tcvn tcvn5712 tcvn57121 tcvn571211993",
        "ARMSCII-8": "armscii8",
        "GEORGIAN-PS": "georgianps",
        "PT154": "ptcp154 pt154 cp154 cyrillicasian",
        "RK1048": "rk1048 strk10482002 kz1048",
    ]
}
