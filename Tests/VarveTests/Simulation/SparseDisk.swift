import VarveSimulation

@testable import Varve

/// A disk whose segments are said to be 5 GiB longer than they are: a hole.
struct SparseDisk: FileSystem {
    let disk: SimulatedDisk
    init(_ disk: SimulatedDisk) { self.disk = disk }

    private struct SparseFile: File {
        let file: any File
        func size() throws(StoreError) -> Int { try file.size() + 5 << 30 }
        func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
            try file.read(at: offset, into: buffer)
        }
        func write(at offset: Int, _ buffers: [UnsafeRawBufferPointer]) throws(StoreError) {
            try file.write(at: offset, buffers)
        }
        func allocate(_ size: Int) throws(StoreError) { try file.allocate(size) }
        func truncate(_ size: Int) throws(StoreError) { try file.truncate(size) }
        func sync() throws(StoreError) { try file.sync() }
        func map(_ length: Int, writable: Bool) throws(StoreError) -> any Mapping {
            try file.map(length, writable: writable)
        }
    }

    func open(_ path: String, create: Bool, writable: Bool) throws(StoreError) -> any File {
        let file = try disk.open(path, create: create, writable: writable)
        return path.hasSuffix(".seg") ? SparseFile(file: file) : file
    }
    func exists(_ path: String) throws(StoreError) -> Bool { try disk.exists(path) }
    func createDirectory(_ path: String) throws(StoreError) { try disk.createDirectory(path) }
    func list(_ path: String) throws(StoreError) -> [String] { try disk.list(path) }
    func remove(_ path: String) throws(StoreError) { try disk.remove(path) }
    func rename(_ from: String, to: String) throws(StoreError) { try disk.rename(from, to: to) }
    func syncDirectory(_ path: String) throws(StoreError) { try disk.syncDirectory(path) }
    func lock(_ path: String) throws(StoreError) -> any FileLock { try disk.lock(path) }
}
