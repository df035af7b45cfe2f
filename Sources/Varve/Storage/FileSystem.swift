/// The one seam between the engine and files. Nothing else in the engine reaches an operating system's file; a test puts
/// a simulated disk here.
///
/// What the engine assumes of an implementation is in `Formats/medium.md`.
public protocol FileSystem: Sendable {
    /// - Throws: `.notFound` if it does not exist and `create` is false.
    func open(_ path: String, create: Bool, writable: Bool) throws(StoreError) -> any File
    func exists(_ path: String) throws(StoreError) -> Bool
    /// Creates a folder; no error if it exists. Not durable before the folder above is synced.
    func createDirectory(_ path: String) throws(StoreError)
    /// Names in a folder, without `.` and `..`, in no order.
    func list(_ path: String) throws(StoreError) -> [String]
    func remove(_ path: String) throws(StoreError)
    /// Gives a file or a folder another name. A file of that name is replaced; a folder of that name must be empty.
    func rename(_ from: String, to: String) throws(StoreError)
    /// Gives a file a second name, under which no file must be. Durable as a name that is created.
    /// - Returns: false where the two cannot share a file: on another file system, or on one that has no links.
    func link(_ from: String, to: String) throws(StoreError) -> Bool
    /// Makes the names in a folder durable.
    func syncDirectory(_ path: String) throws(StoreError)
    /// Takes the lock that the file at `path` stands for, creating it; held until the result is released.
    /// - Throws: `.locked` if another holder has it.
    func lock(_ path: String) throws(StoreError) -> any FileLock
    /// Keeps out whoever would write, and changes nothing on disk; readers may hold it side by side.
    /// - Returns: nil if there is no file at `path`: then nobody writes yet, and nobody is kept from beginning to.
    /// - Throws: `.locked` if a writer has the lock.
    func lockForReading(_ path: String) throws(StoreError) -> (any FileLock)?
}

extension FileSystem {
    /// For file systems whose locks know no readers: the reader holds it alone.
    public func lockForReading(_ path: String) throws(StoreError) -> (any FileLock)? {
        try exists(path) ? try lock(path) : nil
    }
}

extension FileSystem {
    public func link(_ from: String, to: String) throws(StoreError) -> Bool { false }
}

public protocol FileLock: Sendable {
    func release()
}

/// An open file. Offsets and sizes in bytes. Calls may come from several threads.
public protocol File: Sendable {
    func size() throws(StoreError) -> Int
    /// Reads until `into` is full or the file ends, and says how much it read.
    func read(at offset: Int, into: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int
    /// Writes all buffers one behind the other.
    func write(at offset: Int, _ buffers: [UnsafeRawBufferPointer]) throws(StoreError)
    /// Makes the file at least `size` bytes long, its blocks allocated: a full disk is an error here and not later.
    func allocate(_ size: Int) throws(StoreError)
    func truncate(_ size: Int) throws(StoreError)
    /// Returns when all that was written, through `write` or a mapping, is on disk.
    func sync() throws(StoreError)
    /// Maps the first `length` bytes, shared with the file.
    func map(_ length: Int, writable: Bool) throws(StoreError) -> any Mapping
}

/// Bytes of a file in memory, until the last reference goes.
public protocol Mapping: AnyObject, Sendable {
    var base: UnsafeMutableRawPointer { get }
    var length: Int { get }
}
