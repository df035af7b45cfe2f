import Glibc

/// Why a dump could not be made at all. Damage is no such reason: it is reported within the dump.
public struct DumpError: Error, Sendable, CustomStringConvertible {
    public let message: String
    public var description: String { message }
    init(_ message: String) { self.message = message }
}

/// A file that is read and never written, by positional reads.
final class InputFile {
    /// How a dump names the file: relative to the store, so that a dump does not depend on where the store lies.
    let name: String
    /// The size when the file was opened. It may grow meanwhile: what comes later is not looked at.
    let size: Int
    /// Counts how often what was read was found to be outdated: no window on the file keeps what it has from before.
    fileprivate var generation = 0
    private let descriptor: Int32

    init(_ path: String, name: String) throws(DumpError) {
        self.name = name
        // Without O_NONBLOCK a pipe would keep us waiting for a writer; for files it means nothing.
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw DumpError("\(path): \(String(cString: strerror(errno)))") }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let text = String(cString: strerror(errno))
            close(descriptor)
            throw DumpError("\(path): \(text)")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw DumpError("\(path): not a file")
        }
        size = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// Reads until `target` is full or the file ends. - Returns: how many bytes.
    func read(at offset: Int, into target: UnsafeMutableRawBufferPointer) throws(DumpError) -> Int {
        var done = 0
        while done < target.count {
            let count = pread(descriptor, target.baseAddress! + done, target.count - done, off_t(offset + done))
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw DumpError("\(name): \(String(cString: strerror(errno)))")
            }
            done += count
        }
        return done
    }

    func read(at offset: Int, _ count: Int) throws(DumpError) -> [UInt8] {
        let target = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 16)
        defer { target.deallocate() }
        let read = try read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: target[..<count]))
        return Array(target[..<read])
    }
}

/// A piece of a file in memory that moves along as it is read.
final class Window {
    let file: InputFile
    private var buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
    private var start = 0
    private var count = 0
    private var generation = 0

    /// Reads take so many bytes at least.
    static let size = 256 << 10

    /// The dictionary of the segment that the file is, once it has been looked for.
    var dictionary: DictionaryDump?

    init(_ file: InputFile) { self.file = file }

    deinit { buffer.deallocate() }

    /// Bytes of the file, until the next call; nil if it ends before.
    func bytes(at offset: Int, _ wanted: Int) throws(DumpError) -> UnsafeRawBufferPointer? {
        if offset < start || offset + wanted > start + count || generation != file.generation {
            generation = file.generation
            if wanted > buffer.count {
                buffer.deallocate()
                buffer = .allocate(byteCount: wanted, alignment: 16)
            }
            start = offset
            count = try file.read(at: offset, into: buffer)
            guard count >= wanted else { return nil }
        }
        return UnsafeRawBufferPointer(rebasing: buffer[(offset - start)..<(offset - start + wanted)])
    }

    /// Forgets what was read, also through other windows on the file: it may have changed.
    func forget() { file.generation += 1 }
}

enum Folder {
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Names in a folder, in the order of their bytes.
    static func list(_ path: String) throws(DumpError) -> [String] {
        guard let directory = opendir(path) else { throw DumpError("\(path): \(String(cString: strerror(errno)))") }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The last part of a path, and what comes before it (`.` if nothing does).
    static func split(_ path: String) -> (folder: String, name: String) {
        var end = path[...]
        while end.count > 1, end.last == "/" { end = end.dropLast() }
        guard let slash = end.lastIndex(of: "/") else { return (".", String(end)) }
        let folder = end[..<slash]
        return (folder.isEmpty ? "/" : String(folder), String(end[end.index(after: slash)...]))
    }
}
