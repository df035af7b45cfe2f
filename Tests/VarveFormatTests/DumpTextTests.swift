import MailModel
import Testing

@testable import VarveDump

/// How single values are written.
@Suite struct DumpTextTests {
    private func item(_ value: Item.Value) -> Item {
        var item = Item("thing", depth: 1)
        item.bare("number", 7)
        item.add("someName", value)
        return item
    }

    private func text(_ value: Item.Value) -> String { String(decoding: item(value).text(), as: UTF8.self) }
    private func json(_ value: Item.Value) -> String { String(decoding: item(value).json(), as: UTF8.self) }

    @Test func values() {
        #expect(text(.number(.max)) == "  thing 7, some name 18446744073709551615")
        #expect(json(.number(.max)) == #"{"type":"thing","number":7,"someName":18446744073709551615}"#)
        #expect(text(.integer(-5)) == "  thing 7, some name -5")
        #expect(text(.flag(true)) == "  thing 7, some name")
        #expect(text(.flag(false)) == "  thing 7")
        #expect(json(.flag(false)) == #"{"type":"thing","number":7,"someName":false}"#)
        #expect(text(.list([.word("\\Seen"), .name([97])])) == #"  thing 7, some name (\Seen "a")"#)
        #expect(json(.list([.word("\\Seen"), .number(2)])) == #"{"type":"thing","number":7,"someName":["\\Seen",2]}"#)
        #expect(json(.list([])) == #"{"type":"thing","number":7,"someName":[]}"#)
    }

    @Test func names() {
        #expect(text(.name(Array("Käse \"x\" \\ 日本".utf8))) == #"  thing 7, some name "Käse \"x\" \\ 日本""#)
        #expect(json(.name(Array("Käse \"x\" \\".utf8))) == #"{"type":"thing","number":7,"someName":"Käse \"x\" \\"}"#)
        // What a terminal would act upon, and what ends a line.
        #expect(text(.name([0x1b, 0x5b, 0x0a, 0x7f])) == #"  thing 7, some name "\x1b[\x0a\x7f""#)
        #expect(
            text(.name(Array("\u{9b}\u{202e}\u{2028}".utf8)))
                == #"  thing 7, some name "\xc2\x9b\xe2\x80\xae\xe2\x80\xa8""#
        )
        #expect(json(.name([0x1b, 0x0a, 0x0d, 0x09])) == #"{"type":"thing","number":7,"someName":"\u001b\n\r\t"}"#)
    }

    @Test func namesThatAreNotUTF8() {
        #expect(text(.name([0x61, 0xff, 0x62])) == #"  thing 7, some name "a\xffb""#)
        #expect(text(.name([0xe2, 0x82])) == #"  thing 7, some name "\xe2\x82""#)
        #expect(
            json(.name([0x61, 0xff, 0x62]))
                == #"{"type":"thing","number":7,"someName":"a\#u{fffd}b","someNameBytes":"61ff62"}"#)
    }

    @Test func times() {
        #expect(Calendar.text(milliseconds: 0) == "1970-01-01T00:00:00.000Z")
        #expect(Calendar.text(milliseconds: 1_700_000_000_005) == "2023-11-14T22:13:20.005Z")
        #expect(Calendar.text(milliseconds: 951_782_400_000) == "2000-02-29T00:00:00.000Z")
        #expect(Calendar.text(milliseconds: 4_107_542_399_999) == "2100-02-28T23:59:59.999Z")
        #expect(Calendar.text(milliseconds: .max) == "18446744073709551615ms")
        #expect(Calendar.text(seconds: -1) == "1969-12-31T23:59:59Z")
        #expect(Calendar.text(seconds: -11_676_096_000) == "1600-01-01T00:00:00Z")
        #expect(Calendar.text(seconds: .min) == "-9223372036854775808s")
        #expect(InternalDate(seconds: 1_700_000_000, zoneMinutes: 60).text == "2023-11-14T23:13:20+01:00")
        #expect(InternalDate(seconds: 1_700_000_000, zoneMinutes: -210).text == "2023-11-14T18:43:20-03:30")
        #expect(InternalDate(seconds: .max, zoneMinutes: .min).text == "9223372036854775807s")
    }

    @Test func paths() {
        #expect(Folder.split("a/b/c") == ("a/b", "c"))
        #expect(Folder.split("a/b/") == ("a", "b"))
        #expect(Folder.split("c") == (".", "c"))
        #expect(Folder.split("/c") == ("/", "c"))
    }

    @Test func outputIsTakenBack() {
        for isJSON in [false, true] {
            var bytes: [UInt8] = []
            let output = Output(isJSON: isJSON) { bytes.append(contentsOf: $0) }
            output.emit(Item("a"))
            output.hold()
            output.damage("here", "it is wrong")
            #expect(output.takeBack())
            #expect(output.damages == 0)
            output.hold()
            output.emit(Item("b"))
            output.keep()
            #expect(!output.takeBack())
            output.damage("here", "it is wrong")
            output.end()
            #expect(output.damages == 1)
            #expect(
                String(decoding: bytes, as: UTF8.self)
                    == (isJSON
                        ? "[\n{\"type\":\"a\"},\n{\"type\":\"b\"},\n"
                            + "{\"type\":\"damage\",\"place\":\"here\",\"what\":\"it is wrong\"}\n]\n"
                        : "a\nb\ndamage: here: it is wrong\n"))
        }
        var bytes: [UInt8] = []
        Output(isJSON: true) { bytes.append(contentsOf: $0) }.end()
        #expect(bytes == Array("[]\n".utf8))
    }
}
