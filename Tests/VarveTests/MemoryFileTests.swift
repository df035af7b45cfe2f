import Testing

@testable import Varve

@Suite struct MemoryFileTests {
    @Test func mappingsOfAGrowingFileShareItsBytes() throws {
        let file = try MemoryFile()
        try file.allocate(4096)
        let old = try file.map(4096, writable: true)
        try file.allocate(1 << 20)
        let new = try file.map(1 << 20, writable: true)
        old.base.storeBytes(of: 7, toByteOffset: 100, as: UInt8.self)
        #expect(new.base.load(fromByteOffset: 100, as: UInt8.self) == 7)
        try [9, 8].withBytes { bytes throws(StoreError) in try file.write(at: (1 << 20) - 1, [bytes]) }
        #expect(try file.size() == (1 << 20) + 1)
        var read = [UInt8](repeating: 0, count: 4)
        let count = try read.withUnsafeMutableBytes { try file.read(at: (1 << 20) - 1, into: $0) }
        #expect(count == 2 && read == [9, 8, 0, 0])
    }

    @Test func whatIsCutOffIsZeroWhenItComesBack() throws {
        let file = try MemoryFile()
        let bytes = [UInt8](repeating: 5, count: 12_000)
        try bytes.withBytes { bytes throws(StoreError) in try file.write(at: 0, [bytes]) }
        try file.truncate(5000)
        #expect(try file.size() == 5000)
        try file.allocate(12_000)
        let mapping = try file.map(12_000, writable: false)
        let kept = UnsafeRawBufferPointer(start: mapping.base, count: 12_000)
        #expect(kept[..<5000].allSatisfy { $0 == 5 } && kept[5000...].allSatisfy { $0 == 0 })
    }

    @Test func itIsLimited() throws {
        let file = try MemoryFile()
        #expect(throws: StoreError.self) { try file.allocate(MemoryFile.capacity + 1) }
    }
}
