import Varve

/// A promise that is broken on purpose, between the engine and the disk: the simulation must find each of them.
package enum Canary: String, CaseIterable, Sendable {
    /// Names are never made durable.
    case skipsDirectorySync
    /// What is acknowledged may be in memory alone.
    case skipsSegmentSync
    /// The superblock speaks of index pages that are not on disk.
    case skipsIndexSync
    /// An index is trusted though the superblock that gave up its pages is not on disk.
    case skipsSuperblockSync
    /// A failed sync is taken for a good one.
    case hidesFailedSync
    /// What a torn batch left is not cleared away.
    case keepsTornTail
    /// Both slots of the superblock stand in one place.
    case overwritesSuperblock
}

/// A disk that keeps all promises but one.
struct CanaryFileSystem: FileSystem {
    private let canary: Canary
    private let disk: SimulatedDisk

    init(_ canary: Canary, _ disk: SimulatedDisk) {
        self.canary = canary
        self.disk = disk
    }

    private struct CanaryFile: File {
        let canary: Canary
        let file: any File
        let name: String

        func size() throws(StoreError) -> Int { try file.size() }
        func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
            try file.read(at: offset, into: buffer)
        }
        func write(at offset: Int, _ buffers: [UnsafeRawBufferPointer]) throws(StoreError) {
            switch canary {
            case .keepsTornTail
            where name.hasSuffix(".seg") && offset > 64 && buffers.allSatisfy { $0.allSatisfy { $0 == 0 } }:
                return
            case .overwritesSuperblock where name.hasSuffix(FileNames.superblock): try file.write(at: 0, buffers)
            default: try file.write(at: offset, buffers)
            }
        }
        func allocate(_ size: Int) throws(StoreError) { try file.allocate(size) }
        func truncate(_ size: Int) throws(StoreError) { try file.truncate(size) }
        func sync() throws(StoreError) {
            switch canary {
            case .skipsSegmentSync where name.hasSuffix(".seg"): return
            case .skipsIndexSync where name.hasSuffix("/\(FileNames.index)"): return
            case .skipsSuperblockSync where name.hasSuffix(FileNames.superblock): return
            case .hidesFailedSync: try? file.sync()
            default: try file.sync()
            }
        }
        func map(_ length: Int, writable: Bool) throws(StoreError) -> any Mapping {
            try file.map(length, writable: writable)
        }
    }

    func open(_ path: String, create: Bool, writable: Bool) throws(StoreError) -> any File {
        CanaryFile(canary: canary, file: try disk.open(path, create: create, writable: writable), name: path)
    }
    func exists(_ path: String) throws(StoreError) -> Bool { try disk.exists(path) }
    func createDirectory(_ path: String) throws(StoreError) { try disk.createDirectory(path) }
    func list(_ path: String) throws(StoreError) -> [String] { try disk.list(path) }
    func remove(_ path: String) throws(StoreError) { try disk.remove(path) }
    func rename(_ from: String, to: String) throws(StoreError) { try disk.rename(from, to: to) }
    func syncDirectory(_ path: String) throws(StoreError) {
        if canary != .skipsDirectorySync { try disk.syncDirectory(path) }
    }
    func lock(_ path: String) throws(StoreError) -> any FileLock { try disk.lock(path) }
}
