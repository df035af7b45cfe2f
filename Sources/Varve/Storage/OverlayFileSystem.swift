import Synchronization

/// Files as another file system has them, with all that is done to them kept in this process' memory: a store can be
/// opened on it, put right, read and even written to, and nothing on disk changes. No lock is taken.
///
/// An index that is on disk is as if it were not there: whoever opens a store through this gets it from the log, and no
/// mapping ever leads to a file.
package final class OverlayFileSystem: FileSystem {
    private struct State {
        /// Files that were opened or made, by path.
        var files: [String: any File] = [:]
        /// Paths whose files on disk are not there any more for those who look through this.
        var removed: Set<String> = []
    }

    private let below: any FileSystem
    private let state = Mutex(State())

    package init(over below: any FileSystem = DiskFileSystem()) { self.below = below }

    package func open(_ path: String, create: Bool, writable: Bool) throws(StoreError) -> any File {
        try withState { state throws(StoreError) in
            if let file = state.files[path] { return file }
            let file: any File
            if try isBelow(path, state) {
                file = try OverlayFile(below.open(path, create: false, writable: false))
            } else if create {
                file = try MemoryFile()
            } else {
                throw StoreError(.notFound, "cannot open \(path): there is no such file")
            }
            state.files[path] = file
            return file
        }
    }

    package func exists(_ path: String) throws(StoreError) -> Bool {
        try withState { state throws(StoreError) in try isThere(path, state) }
    }

    package func createDirectory(_ path: String) throws(StoreError) {}

    package func list(_ path: String) throws(StoreError) -> [String] {
        let names = try below.list(path)
        return try withState { state throws(StoreError) in
            let prefix = path + "/"
            let made = state.files.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
            var all = Set(made.filter { !$0.contains("/") })
            for name in names where try isBelow(prefix + name, state) { all.insert(name) }
            return Array(all)
        }
    }

    package func remove(_ path: String) throws(StoreError) {
        try withState { state throws(StoreError) in
            guard try isThere(path, state) else {
                throw StoreError(.notFound, "cannot remove \(path): there is no such file")
            }
            state.files[path] = nil
            state.removed.insert(path)
        }
    }

    package func rename(_ from: String, to: String) throws(StoreError) {
        let file = try open(from, create: false, writable: true)
        withState { state in
            state.files[from] = nil
            state.removed.insert(from)
            state.files[to] = file
        }
    }

    package func syncDirectory(_ path: String) throws(StoreError) {}

    package func lock(_ path: String) throws(StoreError) -> any FileLock { NoLock() }

    private struct NoLock: FileLock {
        func release() {}
    }

    private func isThere(_ path: String, _ state: State) throws(StoreError) -> Bool {
        if state.files[path] != nil { return true }
        return try isBelow(path, state)
    }

    private func isBelow(_ path: String, _ state: State) throws(StoreError) -> Bool {
        guard !state.removed.contains(path), !path.hasSuffix("/\(FileNames.index)") else { return false }
        return try below.exists(path)
    }

    private func withState<R>(_ body: (inout State) throws(StoreError) -> R) throws(StoreError) -> R {
        let result: Result<R, StoreError> = state.withLock { state in
            do throws(StoreError) { return .success(try body(&state)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    private func withState(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }
}
