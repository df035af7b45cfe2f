import COpenSSL

/// How dear a guess at a password is made (RFC 7914 §2).
struct ScryptCost: Hashable, Sendable {
    /// Binary logarithm of the cost N.
    var logN: Int
    var blockSize: Int
    var parallelism: Int

    /// What new passwords get: 32 MiB of memory and some tenth of a second.
    static let standard = ScryptCost(logN: 15, blockSize: 8, parallelism: 1)

    // What a line of the users file may ask for: room to raise the cost later, none to stop the server.
    static let logNBounds = 10...20
    static let blockSizeBounds = 1...32
    static let parallelismBounds = 1...16
    /// Bytes that the computation may take.
    static let maximumMemory = 1 << 30

    /// Bytes that the computation takes.
    var memory: Int { 128 * blockSize * (1 << logN + parallelism + 2) }

    var isWithinBounds: Bool {
        ScryptCost.logNBounds.contains(logN) && ScryptCost.blockSizeBounds.contains(blockSize)
            && ScryptCost.parallelismBounds.contains(parallelism) && memory <= ScryptCost.maximumMemory
    }
}

/// A password as it is kept: `$scrypt$ln=15,r=8,p=1$SALT$HASH`, salt and hash in Base64 without `=`.
struct PasswordHash: Hashable, Sendable {
    let cost: ScryptCost
    let salt: [UInt8]
    let hash: [UInt8]

    static let saltLength = 16
    static let hashLength = 32
    private static let lengthBounds = 16...64
    /// Bytes of a password at most.
    static let maximumPasswordLength = 4096

    private init(cost: ScryptCost, salt: [UInt8], hash: [UInt8]) {
        self.cost = cost
        self.salt = salt
        self.hash = hash
    }

    /// Hashes a password with a new salt.
    init(_ password: [UInt8], cost: ScryptCost) throws(AccountError) {
        var salt = [UInt8](repeating: 0, count: PasswordHash.saltLength)
        guard RAND_bytes(&salt, Int32(salt.count)) == 1 else { throw AccountError(.io, "no random bytes to be had") }
        let hash = try PasswordHash.scrypt(password, salt: salt, cost, length: PasswordHash.hashLength)
        self.init(cost: cost, salt: salt, hash: hash)
    }

    /// nil if the text is not a hash of this kind, or asks for more than the bounds allow.
    init?(_ text: some Collection<UInt8>) {
        let parts = text.split(separator: UInt8(ascii: "$"), omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].isEmpty, parts[1].elementsEqual("scrypt".utf8),
            let cost = PasswordHash.cost(parts[2]), cost.isWithinBounds,
            let salt = Base64.decode(parts[3]), PasswordHash.lengthBounds.contains(salt.count),
            let hash = Base64.decode(parts[4]), PasswordHash.lengthBounds.contains(hash.count)
        else { return nil }
        self.init(cost: cost, salt: salt, hash: hash)
    }

    private static func cost(_ text: some Collection<UInt8>) -> ScryptCost? {
        let fields = text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        guard fields.count == 3, let logN = number(fields[0], "ln="), let blockSize = number(fields[1], "r="),
            let parallelism = number(fields[2], "p=")
        else { return nil }
        return ScryptCost(logN: logN, blockSize: blockSize, parallelism: parallelism)
    }

    private static func number(_ field: some Collection<UInt8>, _ name: String) -> Int? {
        guard field.starts(with: name.utf8) else { return nil }
        let digits = field.dropFirst(name.utf8.count)
        // More digits would be beyond every bound.
        guard 1...4 ~= digits.count, digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }

    var text: [UInt8] {
        Array("$scrypt$ln=\(cost.logN),r=\(cost.blockSize),p=\(cost.parallelism)$".utf8) + Base64.encode(salt)
            + [UInt8(ascii: "$")] + Base64.encode(hash)
    }

    /// Compares in constant time.
    func matches(_ password: [UInt8]) throws(AccountError) -> Bool {
        var computed = try PasswordHash.scrypt(password, salt: salt, cost, length: hash.count)
        let isEqual = CRYPTO_memcmp(computed, hash, hash.count) == 0
        OPENSSL_cleanse(&computed, computed.count)
        return isEqual
    }

    /// Takes the time that `matches` takes for a hash of this cost, and says nothing.
    static func pretend(_ password: [UInt8], cost: ScryptCost) throws(AccountError) {
        let salt = [UInt8](repeating: 0, count: saltLength)
        let other = PasswordHash(cost: cost, salt: salt, hash: [UInt8](repeating: 0, count: hashLength))
        _ = try other.matches(password)
    }

    static func scrypt(
        _ password: [UInt8], salt: [UInt8], _ cost: ScryptCost, length: Int
    ) throws(AccountError) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: length)
        // libcrypto refuses what takes more memory than it is told, and its own idea of "more" is 32 MiB.
        let code = password.withUnsafeBytes { password in
            EVP_PBE_scrypt(
                password.baseAddress?.assumingMemoryBound(to: CChar.self), password.count, salt, salt.count,
                UInt64(1) << UInt64(cost.logN), UInt64(cost.blockSize), UInt64(cost.parallelism),
                UInt64(cost.memory + 1 << 20), &result, result.count)
        }
        guard code == 1 else {
            ERR_clear_error()
            throw AccountError(.io, "the password hash cannot be computed: \(cost.memory >> 20) MiB of memory are needed")
        }
        return result
    }
}
