#if Rivals
    import MailModel

    /// Which UIDs of a mailbox have a message, as bits in blocks, and how many in each block: what a store without counted trees must
    /// keep so that sequence numbers can be told without reading the mailbox.
    ///
    /// A value for each block (a bit for each of 4096 UIDs, as far as there are any) and one of the counts (16 bits each).
    enum LiveBlocks {
        /// UIDs of a block.
        static let span: UInt32 = 4096
        /// The block's number under which the counts stand.
        static let counts = UInt32.max

        // A store's values stand at any address.
        private static func count(_ counts: UnsafeRawBufferPointer, _ index: Int) -> UInt16 {
            counts.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
        }
        private static func word(_ bits: UnsafeRawBufferPointer, _ index: Int) -> UInt64 {
            bits.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
        }

        static func block(of uid: UInt32) -> UInt32 { (uid - 1) / span }

        /// How many live UIDs are below `uid`.
        /// - Parameter counts: those of all blocks. - Parameter bits: the block of `uid`.
        static func rank(_ uid: UInt32, counts: UnsafeRawBufferPointer, bits: UnsafeRawBufferPointer) -> UInt32 {
            var sum: UInt32 = 0
            for index in 0..<min(Int(block(of: uid)), counts.count / 2) { sum &+= UInt32(count(counts, index)) }
            let offset = Int((uid - 1) % span)
            for index in 0..<min(offset / 64, bits.count / 8) { sum &+= UInt32(word(bits, index).nonzeroBitCount) }
            if offset / 64 < bits.count / 8 {
                sum &+= UInt32((word(bits, offset / 64) & (1 << UInt64(offset % 64) &- 1)).nonzeroBitCount)
            }
            return sum
        }

        static func isLive(_ uid: UInt32, bits: UnsafeRawBufferPointer) -> Bool {
            let offset = Int((uid - 1) % span)
            return offset / 8 < bits.count && bits[offset / 8] & (1 << UInt8(offset % 8)) != 0
        }

        /// The block that holds the live UID with `rank` others before it, and how many are before it in that block.
        static func find(_ rank: UInt32, counts: UnsafeRawBufferPointer) -> (block: UInt32, rank: UInt32)? {
            var left = rank
            for index in 0..<counts.count / 2 {
                let count = UInt32(count(counts, index))
                if left < count { return (UInt32(index), left) }
                left -= count
            }
            return nil
        }

        /// The UID with `rank` live ones before it in its block.
        static func select(_ rank: UInt32, block: UInt32, bits: UnsafeRawBufferPointer) -> UInt32? {
            var left = Int(rank)
            for index in 0..<bits.count / 8 {
                var word = word(bits, index)
                guard left >= word.nonzeroBitCount else {
                    for _ in 0..<left { word &= word &- 1 }
                    return block * span + UInt32(index * 64 + word.trailingZeroBitCount) + 1
                }
                left -= word.nonzeroBitCount
            }
            return nil
        }

        /// Marks UIDs as there, or as gone.
        /// - Parameter get: a value, or nothing. - Parameter put: replaces it.
        static func mark(
            _ uids: UIDSet, isLive: Bool, get: (_ block: UInt32) throws -> [UInt8], put: (_ block: UInt32, [UInt8]) throws -> Void
        ) rethrows {
            guard !uids.isEmpty else { return }
            var counts = try get(LiveBlocks.counts)
            var current: (block: UInt32, bits: [UInt8])?
            /// Writes the block that was being marked.
            func finish() throws {
                guard let (block, bits) = current else { return }
                let count = bits.reduce(0) { $0 + UInt16($1.nonzeroBitCount) }
                let place = Int(block) * 2
                if counts.count < place + 2 { counts.append(contentsOf: repeatElement(0, count: place + 2 - counts.count)) }
                counts.withUnsafeMutableBytes { $0.storeBytes(of: count, toByteOffset: place, as: UInt16.self) }
                try put(block, bits)
            }
            for range in uids.ranges {
                var uid = range.first.rawValue
                while uid <= range.last.rawValue {
                    let block = block(of: uid)
                    if current?.block != block {
                        try finish()
                        current = (block, try get(block))
                    }
                    let last = min(range.last.rawValue, (block + 1) * span)
                    set(&current!.bits, Int((uid - 1) % span)...Int((last - 1) % span), isLive)
                    uid = last + 1
                }
            }
            try finish()
            try put(LiveBlocks.counts, counts)
        }

        private static func set(_ bits: inout [UInt8], _ range: ClosedRange<Int>, _ isSet: Bool) {
            // Whole words, so that they can be counted as such.
            let needed = (range.upperBound / 64 + 1) * 8
            if bits.count < needed { bits.append(contentsOf: repeatElement(0, count: needed - bits.count)) }
            for byte in range.lowerBound / 8...range.upperBound / 8 {
                let low = max(range.lowerBound - byte * 8, 0)
                let high = min(range.upperBound - byte * 8, 7)
                let mask = UInt8(truncatingIfNeeded: (0xFF << low) & (0xFF >> (7 - high)))
                if isSet { bits[byte] |= mask } else { bits[byte] &= ~mask }
            }
        }
    }
#endif
