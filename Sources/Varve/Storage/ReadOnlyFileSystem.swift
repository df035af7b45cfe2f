/// The files of another file system, for reading alone: what is only to be looked at cannot be changed by mistake.
struct ReadOnlyFileSystem: FileSystem {
    private let files: any FileSystem

    init(_ files: any FileSystem) { self.files = files }

    func open(_ path: String, create: Bool, writable: Bool) throws(StoreError) -> any File {
        ReadOnlyFile(file: try files.open(path, create: false, writable: false), path: path)
    }

    func exists(_ path: String) throws(StoreError) -> Bool { try files.exists(path) }
    func list(_ path: String) throws(StoreError) -> [String] { try files.list(path) }
    func lockForReading(_ path: String) throws(StoreError) -> (any FileLock)? { try files.lockForReading(path) }

    func createDirectory(_ path: String) throws(StoreError) { throw ReadOnlyFileSystem.refusal(path) }
    func remove(_ path: String) throws(StoreError) { throw ReadOnlyFileSystem.refusal(path) }
    func rename(_ from: String, to: String) throws(StoreError) { throw ReadOnlyFileSystem.refusal(from) }
    func syncDirectory(_ path: String) throws(StoreError) { throw ReadOnlyFileSystem.refusal(path) }
    func lock(_ path: String) throws(StoreError) -> any FileLock { throw ReadOnlyFileSystem.refusal(path) }

    fileprivate static func refusal(_ path: String) -> StoreError {
        StoreError(.readOnly, "\(path): the store is open for reading only")
    }
}

private struct ReadOnlyFile: File {
    let file: any File
    let path: String

    func size() throws(StoreError) -> Int { try file.size() }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        try file.read(at: offset, into: buffer)
    }

    func write(at offset: Int, _ buffers: [UnsafeRawBufferPointer]) throws(StoreError) {
        throw ReadOnlyFileSystem.refusal(path)
    }

    func allocate(_ size: Int) throws(StoreError) { throw ReadOnlyFileSystem.refusal(path) }
    func truncate(_ size: Int) throws(StoreError) { throw ReadOnlyFileSystem.refusal(path) }
    func sync() throws(StoreError) { throw ReadOnlyFileSystem.refusal(path) }

    func map(_ length: Int, writable: Bool) throws(StoreError) -> any Mapping {
        guard !writable else { throw ReadOnlyFileSystem.refusal(path) }
        return try file.map(length, writable: false)
    }
}
