import Varve

final class SimulatedFile: File {
    private let disk: SimulatedDisk
    private let inode: SimulatedInode
    private let name: String

    init(_ disk: SimulatedDisk, _ inode: SimulatedInode, _ name: String) {
        self.disk = disk
        self.inode = inode
        self.name = name
    }

    func size() throws(StoreError) -> Int { try disk.look(.look, name) { _ in inode.size } }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        try disk.look(.read, name) { _ in
            let count = max(0, min(buffer.count, inode.size - offset))
            if count > 0 { buffer.baseAddress!.copyMemory(from: inode.bytes + offset, byteCount: count) }
            return count
        }
    }

    func write(at offset: Int, _ buffers: [UnsafeRawBufferPointer]) throws(StoreError) {
        let total = buffers.reduce(0) { $0 + $1.count }
        try disk.change(
            .write, name, growth: { offset + total - inode.size },
            partly: { share, _ in
                // What an error or a crash interrupts is written in part.
                var left = share == 1 ? total : Int(Double(total) * share)
                var at = offset
                for buffer in buffers where left > 0 {
                    let part = UnsafeRawBufferPointer(rebasing: buffer.prefix(left))
                    inode.write(at, part)
                    at += part.count
                    left -= part.count
                }
            })
    }

    func allocate(_ size: Int) throws(StoreError) {
        try disk.change(
            .allocate, name, growth: { size - inode.size },
            partly: { share, _ in if share == 1, size > inode.size { inode.truncate(size) } })
    }

    func truncate(_ size: Int) throws(StoreError) {
        try disk.change(.truncate, name, partly: { share, _ in if share == 1 { inode.truncate(size) } })
    }

    func sync() throws(StoreError) {
        try disk.synchronise(.sync, name) { fault, state in
            switch fault {
            case nil: inode.sync()
            case .error?: inode.failSync(&state.random)
            case .powerFailure?: inode.writeBack(&state.random)
            }
        }
    }

    func map(_ length: Int, writable: Bool) throws(StoreError) -> any Mapping {
        try disk.look(.map, name) { _ in SimulatedMapping(inode.map(writable: writable), length) }
    }
}

private final class SimulatedMapping: Mapping {
    private let image: Image
    let length: Int
    var base: UnsafeMutableRawPointer { image.base }

    init(_ image: Image, _ length: Int) {
        precondition(length <= Image.capacity, "a mapping larger than the simulated disk allows")
        self.image = image
        self.length = length
    }
}
