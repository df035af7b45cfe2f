import VarveFormat

/// The file `key` of an encrypted store: its data key, wrapped by a master key. `Formats/encryption.md`.
struct StoreKeyFile {
    let path: String
    private let folder: String
    private let fileSystem: any FileSystem

    /// - Parameter store: the store's folder.
    init(_ store: String, _ fileSystem: any FileSystem) {
        folder = store
        path = "\(store)/\(FileNames.key)"
        self.fileSystem = fileSystem
    }

    func exists() throws(StoreError) -> Bool { try fileSystem.exists(path) }

    /// The first slot that holds.
    /// - Throws: `.notFound`, `.io`; `.corrupt` if both are damaged; `.unsupportedVersion`.
    func read() throws(StoreError) -> KeySlot {
        var found: KeySlot?
        var failure: FormatError?
        for slot in try slots() {
            switch slot {
            case .success(let slot): found = found ?? slot
            case .failure(let error): failure = error
            }
        }
        if let found { return found }
        throw .corrupt(path, failure ?? .invalid("it has no slot"))
    }

    /// What each slot holds, or what is wrong with it.
    func slots() throws(StoreError) -> [Result<KeySlot, FormatError>] {
        let file = try fileSystem.open(path, create: false, writable: false)
        let block = ByteBlock(capacity: KeySlot.size * KeySlot.count)
        let count = try file.read(at: 0, into: block.bytes)
        return (0..<KeySlot.count).map { slot in
            let start = min(slot * KeySlot.size, count)
            do throws(FormatError) {
                return .success(
                    try KeySlot(UnsafeRawBufferPointer(rebasing: block.bytes[start..<min(start + KeySlot.size, count)])))
            } catch {
                return .failure(error)
            }
        }
    }

    /// Writes the file anew if one of its slots is damaged. To be called when the other one has opened the store.
    func mend() throws(StoreError) {
        let slots = try slots().map { try? $0.get() }
        guard let whole = slots.compactMap({ $0 }).first, slots.contains(where: { $0 != whole }) else { return }
        try write(whole)
    }

    /// Puts a slot in place of what is there, in one step: a crash leaves the old file or the new one, whole.
    func write(_ slot: KeySlot) throws(StoreError) {
        let new = "\(folder)/\(FileNames.newKey)"
        // What a crash left.
        if try fileSystem.exists(new) { try fileSystem.remove(new) }
        let file = try fileSystem.open(new, create: true, writable: true)
        let block = ByteBlock(slot.encode())
        let bytes = UnsafeRawBufferPointer(block.bytes)
        try file.write(at: 0, Array(repeating: bytes, count: KeySlot.count))
        withExtendedLifetime(block) {}
        try file.sync()
        try fileSystem.rename(new, to: path)
        try fileSystem.syncDirectory(folder)
    }

    // MARK: Wrapping

    /// The data key of a store, wrapped anew.
    /// - Parameter salt: 32 bytes never used before.
    static func wrap(
        _ dataKey: Secret, of store: StoreUUID, with master: MasterKey, salt: [UInt8]
    ) throws(StoreError) -> KeySlot {
        let block = ByteBlock(capacity: KeySlot.keySize + Seal.tagSize)
        let context = try SealingContext(wrappingKey(master, salt), seals: true)
        try withAssociated(store) { nonce, associated throws(StoreError) in
            try dataKey.withBytes { key throws(StoreError) in
                let out = block.bytes.baseAddress!
                try context.seal(key, nonce: nonce, associated, into: out, tag: out + key.count)
            }
        }
        return KeySlot(store: store, masterKeyID: master.idBytes, salt: salt, wrapped: Array(block.bytes))
    }

    /// - Throws: `.keyMissing`; `.wrongKey`; `.corrupt` if it is the right master key and what it wraps was changed.
    func unwrap(_ slot: KeySlot, with master: MasterKey?) throws(StoreError) -> Secret {
        guard let master else {
            throw StoreError(
                .keyMissing,
                "\(folder): the store is encrypted; open it with the master key \(MasterKey.text(slot.masterKeyID))")
        }
        guard master.idBytes == slot.masterKeyID else {
            throw StoreError(
                .wrongKey,
                "\(folder): the store takes the master key \(MasterKey.text(slot.masterKeyID)); "
                    + "the one that was given is \(master.id)")
        }
        let context = try SealingContext(StoreKeyFile.wrappingKey(master, slot.salt), seals: false)
        var isGenuine = false
        let key = try Secret(count: KeySlot.keySize) { out throws(StoreError) in
            isGenuine = try slot.wrapped.withBytes { wrapped throws(StoreError) in
                try StoreKeyFile.withAssociated(slot.store) { nonce, associated throws(StoreError) in
                    try context.open(
                        UnsafeRawBufferPointer(rebasing: wrapped[..<KeySlot.keySize]),
                        tag: wrapped.baseAddress! + KeySlot.keySize, nonce: nonce, associated, into: out.baseAddress!)
                }
            }
        }
        guard isGenuine else { throw .corrupt(path, "what the master key wraps has been changed") }
        return key
    }

    /// Each salt makes a key that wraps just once: its nonce may be zero.
    private static func wrappingKey(_ master: MasterKey, _ salt: [UInt8]) throws(StoreError) -> Secret {
        try salt.withBytes { salt throws(StoreError) in try KeyDerivation.derive(master.secret, salt: salt, .wrapping) }
    }

    private static func withAssociated<R>(
        _ store: StoreUUID, _ body: (_ nonce: UnsafeRawPointer, UnsafeRawBufferPointer) throws(StoreError) -> R
    ) throws(StoreError) -> R {
        var bytes: [UInt8] = []
        bytes.append64(store.high)
        bytes.append64(store.low)
        return try [UInt8](repeating: 0, count: Seal.nonceSize).withBytes { nonce throws(StoreError) in
            try bytes.withBytes { bytes throws(StoreError) in try body(nonce.baseAddress!, bytes) }
        }
    }

    // MARK: The life of a store's key

    /// A new store's data key, wrapped and on disk before anything can be sealed with it.
    func create(
        _ store: StoreUUID, with master: MasterKey, _ entropy: @escaping Entropy.Source
    ) throws(StoreError) -> Secret {
        let dataKey = try Secret(count: KeySlot.keySize, entropy)
        try write(StoreKeyFile.wrap(dataKey, of: store, with: master, salt: StoreKeyFile.salt(entropy)))
        return dataKey
    }

    static func salt(_ entropy: Entropy.Source) throws(StoreError) -> [UInt8] {
        let block = ByteBlock(capacity: KeySlot.saltSize)
        try entropy(block.bytes)
        return Array(block.bytes)
    }
}

extension Store {
    /// Wraps the data key of an encrypted store by another master key. Nothing else of the store is written; a crash leaves
    /// the store with the one or the other.
    ///
    /// What was read with the old key can be read by whoever has it and an older copy of the file `key`: this takes back a
    /// key from the future only.
    /// - Parameter options: their `fileSystem` is used.
    /// - Throws: `.locked` if the store is open; `.notFound`; `.notPermitted` if it is not encrypted; `.wrongKey`;
    ///   `.corrupt`; `.io`, `.outOfSpace`.
    public static func rewrap(
        at path: String, from old: MasterKey, to new: MasterKey, _ options: StoreOptions = StoreOptions()
    ) throws(StoreError) {
        let files = options.fileSystem
        guard try files.exists("\(path)/\(FileNames.segments)") else {
            throw StoreError(.notFound, "\(path): there is no store")
        }
        let lock = try files.lock("\(path)/\(FileNames.lock)")
        defer { lock.release() }
        let file = StoreKeyFile(path, files)
        guard try file.exists() else { throw StoreError(.notPermitted, "\(path): the store is not encrypted") }
        let slot = try file.read()
        let dataKey = try file.unwrap(slot, with: old)
        try file.write(StoreKeyFile.wrap(dataKey, of: slot.store, with: new, salt: StoreKeyFile.salt(options.entropy)))
    }
}
