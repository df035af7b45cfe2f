import Synchronization

/// A backup as the folder of a store that could be opened: its segments are the repository's objects, everything else lies
/// in memory. What an opening writes to a segment is what it read there, and is dropped.
final class BackupFileSystem: FileSystem {
    static let store = "backup"

    private let objects: [String: any File]
    private let others = Mutex<[String: MemoryFile]>([:])

    /// - Parameter objects: by their names in a store's folder.
    init(_ objects: [String: any File]) { self.objects = objects }

    private struct Object: File {
        let file: any File
        func size() throws(StoreError) -> Int { try file.size() }
        func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
            try file.read(at: offset, into: buffer)
        }
        func write(at offset: Int, _ buffers: [UnsafeRawBufferPointer]) throws(StoreError) {}
        func allocate(_ size: Int) throws(StoreError) {}
        func truncate(_ size: Int) throws(StoreError) {}
        func sync() throws(StoreError) {}
        func map(_ length: Int, writable: Bool) throws(StoreError) -> any Mapping {
            throw StoreError(.readOnly, "a backup is not mapped")
        }
    }

    private struct NoLock: FileLock {
        func release() {}
    }

    private func inStore(_ path: String) -> String { String(path.dropFirst(BackupFileSystem.store.count + 1)) }

    func open(_ path: String, create: Bool, writable: Bool) throws(StoreError) -> any File {
        let name = inStore(path)
        if let object = objects[name] { return Object(file: object) }
        if let file = others.withLock({ $0[name] }) { return file }
        guard create else { throw StoreError(.notFound, "the backup has no file \(name)") }
        let file = try MemoryFile()
        others.withLock { $0[name] = file }
        return file
    }

    func exists(_ path: String) throws(StoreError) -> Bool {
        let name = inStore(path)
        return name.isEmpty || name == FileNames.segments || objects[name] != nil || others.withLock { $0[name] != nil }
    }

    func createDirectory(_ path: String) throws(StoreError) {}

    func list(_ path: String) throws(StoreError) -> [String] {
        let folder = inStore(path) + "/"
        let names = Array(objects.keys) + others.withLock { Array($0.keys) }
        return names.filter { $0.hasPrefix(folder) }.map { String($0.dropFirst(folder.count)) }
    }

    func remove(_ path: String) throws(StoreError) {
        let name = inStore(path)
        others.withLock { $0[name] = nil }
    }

    func rename(_ from: String, to: String) throws(StoreError) {
        let (from, to) = (inStore(from), inStore(to))
        others.withLock { files in
            files[to] = files[from]
            files[from] = nil
        }
    }

    func syncDirectory(_ path: String) throws(StoreError) {}
    func lock(_ path: String) throws(StoreError) -> any FileLock { NoLock() }
}
