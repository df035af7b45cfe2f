import Varve
import VarveFormat

// What can be told of an encrypted store without its key (`Formats/encryption.md`).

extension Item {
    /// With what something was sealed.
    mutating func add(_ seal: Seal) {
        add("session", word: seal.session.description)
        add("counter", seal.counter)
    }
}

extension RecordReader {
    /// What stands in the place of sealed records; nil if they stand in the clear.
    func sealedItem(depth: Int) -> Item? {
        guard let sealed else { return nil }
        var item = Item("sealed", depth: depth)
        item.add("bytes", sealed.length)
        item.add(sealed.seal)
        return item
    }
}

extension IndexDump {
    static let sealedMessage = "the index is encrypted: its pages cannot be shown without the store's key"

    /// Counts the pages of a sealed index. One that does not hold may be of a checkpoint that never came to its end, or is
    /// being written just now: which pages are needed, only the key would tell.
    static func showSealed(_ file: InputFile, pages: Int, tag: UInt32, _ output: Output) throws(DumpError) {
        var (valid, empty, other) = (0, 0, 0)
        let window = Window(file)
        for number in stride(from: 1, to: pages, by: 1) {
            guard let bytes = try window.bytes(at: number * SealedPage.stride, SealedPage.stride) else { break }
            if (try? SealedPage.validate(bytes.baseAddress!, number: UInt32(number), tag: tag)) != nil {
                valid += 1
            } else if bytes.allSatisfy({ $0 == 0 }) {
                empty += 1
            } else {
                other += 1
            }
        }
        var item = Item("sealed", depth: 1)
        item.add("pages", valid)
        item.add("empty", empty)
        item.add("torn", other)
        output.emit(item)
    }
}

/// The dump of the file `key`: what it says of the keys, none of which it shows.
struct KeyFileDump {
    let file: InputFile
    let output: Output

    func run() throws(DumpError) {
        for number in 0..<KeySlot.count {
            let bytes = try file.read(at: number * KeySlot.size, KeySlot.size)
            do throws(FormatError) {
                let slot = try bytes.withBytes { bytes throws(FormatError) in try KeySlot(bytes) }
                var item = Item("key")
                item.add("slot", number)
                item.add("store", word: slot.store.description)
                item.add("masterKey", word: hexadecimal(slot.masterKeyID))
                output.emit(item)
            } catch {
                output.damage("\(file.name), slot \(number)", error.description)
            }
        }
    }
}
