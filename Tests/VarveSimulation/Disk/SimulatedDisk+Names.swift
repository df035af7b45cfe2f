import Varve

extension SimulatedDisk {
    private func entry(_ path: String, _ call: Call) throws(StoreError) -> Entry? {
        try look(call, path) { $0.entries[path] }
    }

    private func setName(_ name: String, _ entry: Entry?) throws(StoreError) {
        try change(.name, name, partly: { share, state in
            guard share == 1 || state.fault?.fault == .powerFailure else { return }
            SimulatedDisk.setName(name, entry, &state)
        })
    }

    private static func setName(_ name: String, _ entry: Entry?, _ state: inout State) {
        state.entries[name] = entry
        state.pending.append(NameChange(folder: FileNames.folder(above: name), name: name, entry: entry))
    }

    package func open(_ path: String, create: Bool, writable: Bool) throws(StoreError) -> any File {
        if case .file(let inode)? = try entry(path, .open) { return SimulatedFile(self, inode, path) }
        guard create else { throw StoreError(.notFound, "there is no file \(path)") }
        let inode = SimulatedInode(keepsDurable: modelsPower)
        try setName(path, .file(inode))
        return SimulatedFile(self, inode, path)
    }

    package func exists(_ path: String) throws(StoreError) -> Bool { try entry(path, .look) != nil }

    package func createDirectory(_ path: String) throws(StoreError) {
        if try entry(path, .look) == nil { try setName(path, .folder) }
    }

    package func list(_ path: String) throws(StoreError) -> [String] {
        try look(.list, path) { state in
            state.entries.keys.filter { FileNames.folder(above: $0) == path }.map { String($0.dropFirst(path.count + 1)) }
                .sorted()
        }
    }

    package func remove(_ path: String) throws(StoreError) {
        guard try entry(path, .look) != nil else { throw StoreError(.notFound, "there is no file \(path)") }
        try setName(path, nil)
    }

    package func rename(_ from: String, to: String) throws(StoreError) {
        guard let moved = try entry(from, .look) else { throw StoreError(.notFound, "there is no file \(from)") }
        if case .folder = moved { return try renameFolder(from, to: to) }
        guard from != to else { return }
        try change(.name, to, partly: { share, state in
            guard share == 1 || state.fault?.fault == .powerFailure else { return }
            SimulatedDisk.setName(to, moved, &state)
            SimulatedDisk.setName(from, nil, &state)
        })
    }

    /// Within one folder above, and when all that lies in it is durable: names that are not would be lost to the model.
    private func renameFolder(_ from: String, to: String) throws(StoreError) {
        let above = FileNames.folder(above: to)
        precondition(above == FileNames.folder(above: from))
        guard try list(to).isEmpty else { throw StoreError(.io, "\(to): the folder is not empty") }
        try change(.name, to, partly: { share, state in
            guard share == 1 || state.fault?.fault == .powerFailure else { return }
            precondition(
                !state.pending.contains { ($0.folder + "/").hasPrefix(from + "/") }, "\(from): names that are not durable")
            SimulatedDisk.move(from, to: to, &state.entries)
            state.pending.append(NameChange(folder: above, name: to, entry: .folder, movedFrom: from))
        })
    }

    package func link(_ from: String, to: String) throws(StoreError) -> Bool {
        guard case .file(let inode)? = try entry(from, .look) else { throw StoreError(.notFound, "there is no file \(from)") }
        guard try entry(to, .look) == nil else { throw StoreError(.io, "there is a file \(to) already") }
        guard state.withLock({ $0.canLink }) else { return false }
        try setName(to, .file(inode))
        return true
    }

    /// Whether two names can lead to one file.
    package func setCanLink(_ canLink: Bool) { state.withLock { $0.canLink = canLink } }

    package func syncDirectory(_ path: String) throws(StoreError) {
        try synchronise(.syncDirectory, path) { fault, state in
            guard fault == nil else { return }
            for change in state.pending where change.folder == path { change.apply(to: &state.durableEntries) }
            state.pending.removeAll { $0.folder == path }
        }
    }

    // MARK: Locks

    package func lock(_ path: String) throws(StoreError) -> any FileLock {
        if try entry(path, .lock) == nil { try setName(path, .file(SimulatedInode(keepsDurable: modelsPower))) }
        let number: Int? = state.withLock { state in
            guard state.locks[path] == nil else { return nil }
            state.locksTaken += 1
            state.locks[path] = state.locksTaken
            return state.locksTaken
        }
        guard let number else { throw StoreError(.locked, "\(path) is locked") }
        return SimulatedLock(self, path, number)
    }

    fileprivate func unlock(_ path: String, _ number: Int) {
        state.withLock { if $0.locks[path] == number { $0.locks[path] = nil } }
    }
}

private final class SimulatedLock: FileLock {
    private let disk: SimulatedDisk
    private let path: String
    private let number: Int

    init(_ disk: SimulatedDisk, _ path: String, _ number: Int) {
        self.disk = disk
        self.path = path
        self.number = number
    }

    func release() { disk.unlock(path, number) }

    deinit { release() }
}
