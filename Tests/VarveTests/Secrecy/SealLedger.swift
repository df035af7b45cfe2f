import Synchronization
import VarveFormat

@testable import Varve

/// Reads all that is written to a store's files, and writes down which nonce sealed what: over openings, crashes and disks.
final class SealLedger: Sendable {
    private struct Nonce: Hashable {
        var seal: Seal
        var part: UInt32
    }

    private struct State {
        /// The tag stands for what was sealed: no two pieces have the same.
        var tags: [Nonce: [UInt8]] = [:]
        var sessions: Set<SessionID> = []
        var violations: [String] = []
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.tags.count } }
    var sessions: Int { state.withLock { $0.sessions.count } }
    var violations: [String] { state.withLock { $0.violations } }

    private func note(_ seal: Seal, _ part: Int, _ tag: ArraySlice<UInt8>, _ place: String) {
        state.withLock { state in
            state.sessions.insert(seal.session)
            let nonce = Nonce(seal: seal, part: UInt32(part))
            if let known = state.tags[nonce], known != Array(tag) {
                state.violations.append("\(place): session \(seal.session), counter \(seal.counter), part \(part) again")
            }
            state.tags[nonce] = Array(tag)
        }
    }

    /// What is written in the clear where all is to be sealed.
    private func complain(_ place: String) { state.withLock { $0.violations.append("\(place): not sealed") } }

    fileprivate func look(_ path: String, _ offset: Int, _ bytes: [UInt8]) {
        if path.hasSuffix("/\(FileNames.index)") {
            guard offset > 0 else { return }
            for at in stride(from: 0, to: bytes.count, by: SealedPage.stride) {
                lookAtPage(Array(bytes[at...].prefix(SealedPage.stride)), "\(path), offset \(offset + at)")
            }
        } else if let name = path.split(separator: "/").last.map(String.init),
            let number = FileNames.segmentNumber(name) ?? FileNames.baseNumber(name)
                ?? FileNames.baseNumber(String(name.prefix { $0 != "." }) + ".base")
        {
            bytes.withUnsafeBytes { lookAtFrames($0, number, offset) }
        }
    }

    private func lookAtPage(_ page: [UInt8], _ place: String) {
        page.withUnsafeBytes { page in
            let p = page.baseAddress!
            guard page.count == SealedPage.stride,
                let seal = try? SealedPage.validate(
                    p, number: p.load32(Format.pageSize + 4), tag: p.load32(Format.pageSize + 48))
            else { return complain(place) }
            note(seal, 0, Array(page)[SealedPage.tagOffset..<(SealedPage.tagOffset + Seal.tagSize)], place)
        }
    }

    private func lookAtFrames(_ bytes: UnsafeRawBufferPointer, _ segment: UInt32, _ offset: Int) {
        var at = 0
        while at + FrameHeader.size <= bytes.count {
            let p = bytes.baseAddress! + at
            let position = LogPosition(segment: segment, offset: UInt32(offset + at))
            guard let header = FrameHeader(p, at: position, tag: p.load32(28), limit: bytes.count - at) else { return }
            let payload = Array(bytes[(at + FrameHeader.size)..<(at + FrameHeader.size + Int(header.length))])
            switch FrameKind(rawValue: header.kind) {
            case .message: lookAtMessage(payload, "\(position)")
            case .smallMessage: lookAtSmallMessage(payload, "\(position)")
            case .commit, .base: lookAtCommit(payload, "\(position)")
            default: break
            }
            at += header.frameLength
        }
    }

    private func lookAtMessage(_ payload: [UInt8], _ place: String) {
        guard let head = try? payload.withBytes({ bytes throws(FormatError) in
            try MessageHead(bytes, payloadLength: bytes.count)
        }), let seal = head.seal else { return complain(place) }
        var end = head.size
        for (part, length) in ([head.summaryStoredLength] + head.chunks.map(\.storedLength)).enumerated() {
            end += length
            note(seal, part, payload[(end - Seal.tagSize)..<end], place)
        }
    }

    private func lookAtSmallMessage(_ payload: [UInt8], _ place: String) {
        guard let head = try? payload.withBytes({ bytes throws(FormatError) in try SmallMessageHead(bytes) }),
            let seal = head.seal
        else { return complain(place) }
        note(seal, 0, payload[(payload.count - Seal.tagSize)...], place)
    }

    private func lookAtCommit(_ payload: [UInt8], _ place: String) {
        guard let head = try? payload.withBytes({ bytes throws(FormatError) in try CommitHeader(bytes) }), head.isSealed,
            let parts = try? payload.withBytes({ bytes throws(FormatError) in try SealedRecords(bytes) })
        else { return complain(place) }
        note(parts.seal, 0, payload[(payload.count - Seal.tagSize)...], place)
    }
}

/// A file system whose writes a ledger looks at.
struct WatchedFiles: FileSystem {
    let below: any FileSystem
    let ledger: SealLedger

    func open(_ path: String, create: Bool, writable: Bool) throws(StoreError) -> any File {
        WatchedFile(below: try below.open(path, create: create, writable: writable), path: path, ledger: ledger)
    }
    func exists(_ path: String) throws(StoreError) -> Bool { try below.exists(path) }
    func createDirectory(_ path: String) throws(StoreError) { try below.createDirectory(path) }
    func list(_ path: String) throws(StoreError) -> [String] { try below.list(path) }
    func remove(_ path: String) throws(StoreError) { try below.remove(path) }
    func rename(_ from: String, to: String) throws(StoreError) { try below.rename(from, to: to) }
    func syncDirectory(_ path: String) throws(StoreError) { try below.syncDirectory(path) }
    func lock(_ path: String) throws(StoreError) -> any FileLock { try below.lock(path) }
    func lockForReading(_ path: String) throws(StoreError) -> (any FileLock)? { try below.lockForReading(path) }
}

private struct WatchedFile: File {
    let below: any File
    let path: String
    let ledger: SealLedger

    func size() throws(StoreError) -> Int { try below.size() }
    func read(at offset: Int, into: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        try below.read(at: offset, into: into)
    }
    func write(at offset: Int, _ buffers: [UnsafeRawBufferPointer]) throws(StoreError) {
        ledger.look(path, offset, buffers.flatMap { Array($0) })
        try below.write(at: offset, buffers)
    }
    func allocate(_ size: Int) throws(StoreError) { try below.allocate(size) }
    func truncate(_ size: Int) throws(StoreError) { try below.truncate(size) }
    func sync() throws(StoreError) { try below.sync() }
    func map(_ length: Int, writable: Bool) throws(StoreError) -> any Mapping {
        try below.map(length, writable: writable)
    }
}
