import Synchronization

/// A file on disk of which every block that is written to lies in memory from then on.
final class OverlayFile: File {
    private static let blockSize = 64 << 10

    private struct State {
        var blocks: [Int: ByteBlock] = [:]
        var size: Int
        /// What lies behind this on disk was cut off, or came when the file was open already.
        var sizeBelow: Int
    }

    private let below: any File
    private let state: Mutex<State>

    init(_ below: any File) throws(StoreError) {
        self.below = below
        let size = try below.size()
        state = Mutex(State(size: size, sizeBelow: size))
    }

    func size() throws(StoreError) -> Int { state.withLock { $0.size } }

    func read(at offset: Int, into target: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        try withState { state throws(StoreError) in
            let count = max(0, min(target.count, state.size - offset))
            var done = 0
            while done < count {
                let at = offset + done
                let inBlock = at % OverlayFile.blockSize
                let length = min(count - done, OverlayFile.blockSize - inBlock)
                let part = UnsafeMutableRawBufferPointer(rebasing: target[done..<(done + length)])
                if let block = state.blocks[at / OverlayFile.blockSize] {
                    part.copyMemory(from: UnsafeRawBufferPointer(rebasing: block.bytes[inBlock..<(inBlock + length)]))
                } else {
                    try readBelow(at, part, state)
                }
                done += length
            }
            return count
        }
    }

    /// Bytes that the file on disk does not have are zeros.
    private func readBelow(_ offset: Int, _ target: UnsafeMutableRawBufferPointer, _ state: State) throws(StoreError) {
        let wanted = max(0, min(target.count, state.sizeBelow - offset))
        var count = 0
        if wanted > 0 {
            count = try below.read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: target[..<wanted]))
        }
        for i in count..<target.count { target[i] = 0 }
    }

    func write(at offset: Int, _ buffers: [UnsafeRawBufferPointer]) throws(StoreError) {
        try withState { state throws(StoreError) in
            var at = offset
            for buffer in buffers {
                var done = 0
                while done < buffer.count {
                    let inBlock = at % OverlayFile.blockSize
                    let length = min(buffer.count - done, OverlayFile.blockSize - inBlock)
                    let number = at / OverlayFile.blockSize
                    let block = try loadedBlock(number, &state)
                    UnsafeMutableRawBufferPointer(rebasing: block.bytes[inBlock..<(inBlock + length)])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[done..<(done + length)]))
                    done += length
                    at += length
                }
            }
            state.size = max(state.size, at)
        }
    }

    private func loadedBlock(_ number: Int, _ state: inout State) throws(StoreError) -> ByteBlock {
        if let block = state.blocks[number] { return block }
        let block = ByteBlock(capacity: OverlayFile.blockSize)
        try readBelow(number * OverlayFile.blockSize, block.bytes, state)
        state.blocks[number] = block
        return block
    }

    func allocate(_ size: Int) throws(StoreError) { state.withLock { $0.size = max($0.size, size) } }

    func truncate(_ size: Int) throws(StoreError) {
        try withState { state throws(StoreError) in
            defer { state.size = size }
            guard size < state.size else { return }
            let last = size / OverlayFile.blockSize
            let block = try loadedBlock(last, &state)
            for i in (size % OverlayFile.blockSize)..<OverlayFile.blockSize { block.bytes[i] = 0 }
            state.blocks = state.blocks.filter { $0.key <= last }
            state.sizeBelow = min(state.sizeBelow, size)
        }
    }

    func sync() throws(StoreError) {}

    func map(_ length: Int, writable: Bool) throws(StoreError) -> any Mapping {
        throw StoreError(.io, "a file that is only read cannot be mapped")
    }

    private func withState<R>(_ body: (inout State) throws(StoreError) -> R) throws(StoreError) -> R {
        let result: Result<R, StoreError> = state.withLock { state in
            do throws(StoreError) { return .success(try body(&state)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}
