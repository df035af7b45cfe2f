import COpenSSL
import VarveFormat

/// The key that wraps the data keys of stores: 32 bytes that a store's folder does not hold. With it a store can be read;
/// without it, it cannot.
///
/// The bytes are overwritten when the last copy of this value, and the last store that was opened with it, is gone.
public struct MasterKey: Sendable {
    public static let size = 32
    /// Where `fromEnvironment` looks: 64 hexadecimal digits.
    public static let environmentVariable = "VARVE_MASTER_KEY"

    let secret: Secret
    /// Tells this key from others, and says nothing of it: 32 hexadecimal digits. Stands in messages, and in each store's
    /// file `key`.
    public var id: String { MasterKey.text(idBytes) }
    let idBytes: [UInt8]

    init(_ secret: Secret) throws(StoreError) {
        self.secret = secret
        let id = try KeyDerivation.derive(
            secret, salt: UnsafeRawBufferPointer(start: nil, count: 0), .masterKeyID, length: KeySlot.masterKeyIDSize)
        idBytes = id.withBytes { Array($0) }
    }

    /// - Parameter bytes: 32 of them, random. They are copied; to overwrite them is up to the caller.
    /// - Throws: `.limit` for another number of them.
    public init(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
        guard bytes.count == MasterKey.size else {
            throw StoreError(.limit, "a master key has \(MasterKey.size) bytes, not \(bytes.count)")
        }
        try self.init(Secret(count: MasterKey.size) { $0.copyMemory(from: bytes) })
    }

    /// Reads the key from a file: 32 bytes, or 64 hexadecimal digits with or without a line's end.
    /// - Throws: `.notFound`, `.io`; `.notPermitted` if others than the owner may read or write the file; `.limit` if it
    ///   holds something else.
    public init(file path: String) throws(StoreError) {
        let content = try MasterKeyFile.read(path)
        let secret = content.bytes.withBytes { bytes -> Secret? in
            let text = UnsafeRawBufferPointer(rebasing: bytes[..<content.count])
            guard text.count == MasterKey.size else { return MasterKey.decode(text) }
            return Secret(count: text.count) { $0.copyMemory(from: text) }
        }
        guard let secret else {
            throw StoreError(.limit, "\(path): a master key's file has 32 bytes, or 64 hexadecimal digits")
        }
        try self.init(secret)
    }

    /// The key in the environment, which the process' owner can read there as long as it runs: a file is better.
    /// - Returns: nil if the variable is not set.
    /// - Throws: `.limit` if it does not hold a key.
    public static func fromEnvironment() throws(StoreError) -> MasterKey? {
        guard let text = MasterKeyFile.environment(environmentVariable) else { return nil }
        guard let secret = decode(text) else {
            throw StoreError(.limit, "the environment variable \(environmentVariable) does not have 64 hexadecimal digits")
        }
        return try MasterKey(secret)
    }

    /// Makes a new key and its file, readable for the owner alone, as hexadecimal digits. It is on disk when this returns.
    /// - Throws: `.alreadyExists`, `.notPermitted`, `.notFound` for the folder, `.outOfSpace`, `.io`.
    public static func create(file path: String) throws(StoreError) -> MasterKey {
        let key = try MasterKey(Secret(count: size, Entropy.system))
        let text = Secret(count: 2 * size + 1) { out in
            key.secret.withBytes { bytes in
                for (i, byte) in bytes.enumerated() {
                    out[2 * i] = digit(byte >> 4)
                    out[2 * i + 1] = digit(byte & 15)
                }
            }
            out[2 * size] = UInt8(ascii: "\n")
        }
        try MasterKeyFile.create(path, text)
        return key
    }

    /// The bytes that 64 digits stand for, also with a line's end behind them.
    private static func decode(_ text: UnsafeRawBufferPointer) -> Secret? {
        var count = text.count
        while count > 0, text[count - 1] == UInt8(ascii: "\n") || text[count - 1] == UInt8(ascii: "\r") { count -= 1 }
        guard count == 2 * size else { return nil }
        var isValid = true
        let secret = Secret(count: size) { out in
            for i in 0..<size {
                guard let high = value(text[2 * i]), let low = value(text[2 * i + 1]) else {
                    isValid = false
                    return
                }
                out[i] = high << 4 | low
            }
        }
        return isValid ? secret : nil
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    static func text(_ id: [UInt8]) -> String {
        String(decoding: id.flatMap { [digit($0 >> 4), digit($0 & 15)] }, as: UTF8.self)
    }
}
