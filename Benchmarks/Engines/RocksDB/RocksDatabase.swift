#if Rivals
    import CRocksDB
    import Foundation

    /// A database with the column families of a mail store, and calls on it that throw.
    ///
    /// | family | key | value |
    /// |---|---|---|
    /// | default | 0 | `Meta` |
    /// | mailboxes | name | `MailboxRow` |
    /// | messages | mailbox, UID | `MessageRow` |
    /// | changed | mailbox, modseq, UID | flags |
    /// | vanished | mailbox, modseq, first UID | last UID |
    /// | live | mailbox, block | `LiveBlocks` |
    /// | pieces | body, piece | 64 KiB of it at most; the first is its summary |
    /// | dead | body | |
    final class RocksDatabase: @unchecked Sendable {
        struct Meta: StoredRow {
            var modSeq: UInt64 = 0
            var nextBody: UInt64 = 1
            var nextMailbox: UInt64 = 1
        }

        enum Family: Int, CaseIterable {
            case `default`, mailboxes, messages, changed, vanished, live, pieces, dead
        }

        private let handle: OpaquePointer
        private let families: [OpaquePointer]
        private let reading = rocksdb_readoptions_create()!
        private let durable = rocksdb_writeoptions_create()!
        private let unlogged = rocksdb_writeoptions_create()!
        private var isLogged = true

        init(_ folder: String) throws {
            let options = rocksdb_options_create()!
            defer { rocksdb_options_destroy(options) }
            rocksdb_options_set_create_if_missing(options, 1)
            rocksdb_options_set_create_missing_column_families(options, 1)
            rocksdb_options_set_max_background_jobs(options, 2)
            rocksdb_options_set_recycle_log_file_num(options, 4)
            rocksdb_options_set_write_buffer_size(options, 64 << 20)
            rocksdb_options_set_max_write_buffer_number(options, 4)
            rocksdb_options_set_compression(options, Int32(rocksdb_lz4_compression))
            let table = rocksdb_block_based_options_create()!
            defer { rocksdb_block_based_options_destroy(table) }
            let cache = rocksdb_cache_create_lru(1 << 30)!
            defer { rocksdb_cache_destroy(cache) }
            rocksdb_block_based_options_set_block_cache(table, cache)
            rocksdb_block_based_options_set_block_size(table, 16 << 10)
            rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(10))
            rocksdb_options_set_block_based_table_factory(options, table)
            let names = Family.allCases.map { strdup("\($0)")! }
            defer { for name in names { free(name) } }
            var handles = [OpaquePointer?](repeating: nil, count: names.count)
            handle = try RocksDatabase.call { failure in
                rocksdb_open_column_families(
                    options, folder, Int32(names.count), names.map { UnsafePointer($0) },
                    [OpaquePointer?](repeating: options, count: names.count), &handles, failure)
            }!
            families = handles.map { $0! }
            rocksdb_writeoptions_set_sync(durable, 1)
            rocksdb_writeoptions_disable_WAL(unlogged, 1)
        }

        func close() {
            for family in families { rocksdb_column_family_handle_destroy(family) }
            rocksdb_close(handle)
            rocksdb_readoptions_destroy(reading)
            rocksdb_writeoptions_destroy(durable)
            rocksdb_writeoptions_destroy(unlogged)
        }

        private static func call<R>(_ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> R) throws -> R {
            var failure: UnsafeMutablePointer<CChar>?
            let result = body(&failure)
            if let failure {
                defer { rocksdb_free(failure) }
                throw EngineError("RocksDB", String(cString: failure))
            }
            return result
        }

        /// Writes a batch, on disk when the call returns; while it loads, in memory only.
        func write(_ batch: RocksBatch) throws {
            try RocksDatabase.call { rocksdb_write(handle, isLogged ? durable : unlogged, batch.handle, $0) }
        }

        /// Without a log, what is written comes to the disk as tables, at the end of the call those of them that are left.
        func withoutLog(_ body: () throws -> Void) throws {
            isLogged = false
            defer { isLogged = true }
            try body()
            let options = rocksdb_flushoptions_create()!
            defer { rocksdb_flushoptions_destroy(options) }
            rocksdb_flushoptions_set_wait(options, 1)
            // What leads to others comes last.
            for family in Family.allCases.reversed() {
                try RocksDatabase.call { rocksdb_flush_cf(handle, options, families[family.rawValue], $0) }
            }
        }

        fileprivate func family(_ family: Family) -> OpaquePointer { families[family.rawValue] }

        /// Calls `body` with what stands under a key, where it lies; nil if there is nothing.
        func get<R>(_ family: Family, _ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> R) throws -> R? {
            let slice = try RocksDatabase.call {
                rocksdb_get_pinned_cf(handle, reading, self.family(family), key.characters, key.count, $0)
            }
            guard let slice else { return nil }
            defer { rocksdb_pinnableslice_destroy(slice) }
            var count = 0
            let start = rocksdb_pinnableslice_value(slice, &count)
            return try body(UnsafeRawBufferPointer(start: start, count: count))
        }

        func get<Key: BitwiseCopyable, R>(_ family: Family, _ key: Key, _ body: (UnsafeRawBufferPointer) throws -> R) throws -> R? {
            try withUnsafeBytes(of: key) { try get(family, $0, body) }
        }

        /// Calls `body` with each key from one on and before another, and what stands under it, until it returns false.
        func forEach<Key: BitwiseCopyable>(
            _ family: Family, from low: Key, before high: Key?,
            _ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws -> Bool
        ) throws {
            let options = rocksdb_readoptions_create()!
            defer { rocksdb_readoptions_destroy(options) }
            // The bound is read for as long as the iterator is.
            try withUnsafeBytes(of: high) { bound in
                if high != nil { rocksdb_readoptions_set_iterate_upper_bound(options, bound.characters, MemoryLayout<Key>.size) }
                let iterator = rocksdb_create_iterator_cf(handle, options, self.family(family))!
                defer { rocksdb_iter_destroy(iterator) }
                withUnsafeBytes(of: low) { rocksdb_iter_seek(iterator, $0.characters, $0.count) }
                while rocksdb_iter_valid(iterator) != 0 {
                    var keyCount = 0
                    var valueCount = 0
                    let key = rocksdb_iter_key(iterator, &keyCount)
                    let value = rocksdb_iter_value(iterator, &valueCount)
                    guard
                        try body(
                            UnsafeRawBufferPointer(start: key, count: keyCount), UnsafeRawBufferPointer(start: value, count: valueCount))
                    else { return }
                    rocksdb_iter_next(iterator)
                }
                try RocksDatabase.call { rocksdb_iter_get_error(iterator, $0) }
            }
        }

        // MARK: Keys

        // Big-endian, so that bytes compare as numbers do.

        static func key(_ mailbox: UInt32, _ number: UInt32) -> UInt64 { (UInt64(mailbox) << 32 | UInt64(number)).bigEndian }

        static func key(_ mailbox: UInt32, modSeq: UInt64, _ uid: UInt32) -> (UInt64, UInt64) {
            ((UInt64(mailbox) << 32 | modSeq >> 32).bigEndian, (modSeq << 32 | UInt64(uid)).bigEndian)
        }

        /// What a key of that kind says, but for the mailbox.
        static func parts(_ key: UnsafeRawBufferPointer) -> (modSeq: UInt64, uid: UInt32) {
            let high = UInt64(bigEndian: key.loadUnaligned(as: UInt64.self))
            let low = UInt64(bigEndian: key.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            return (high << 32 | low >> 32, UInt32(truncatingIfNeeded: low))
        }

        static let pieceSize = 64 << 10
        static func piece(_ body: UInt64, _ number: Int) -> UInt64 { (body << 15 | UInt64(number)).bigEndian }
    }

    /// Changes that are made together.
    final class RocksBatch {
        fileprivate let handle = rocksdb_writebatch_create()!
        private let database: RocksDatabase

        init(_ database: RocksDatabase) { self.database = database }

        deinit { rocksdb_writebatch_destroy(handle) }

        func put(_ family: RocksDatabase.Family, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
            rocksdb_writebatch_put_cf(
                handle, database.family(family), key.characters, key.count, value.characters, value.count)
        }

        func put<Key: BitwiseCopyable>(_ family: RocksDatabase.Family, _ key: Key, _ value: UnsafeRawBufferPointer) {
            withUnsafeBytes(of: key) { put(family, $0, value) }
        }

        func put<Key: BitwiseCopyable, Value: BitwiseCopyable>(_ family: RocksDatabase.Family, _ key: Key, _ value: Value) {
            withUnsafeBytes(of: value) { put(family, key, $0) }
        }

        func delete<Key: BitwiseCopyable>(_ family: RocksDatabase.Family, _ key: Key) {
            withUnsafeBytes(of: key) {
                rocksdb_writebatch_delete_cf(handle, database.family(family), $0.characters, $0.count)
            }
        }
    }

    extension UnsafeRawBufferPointer {
        fileprivate var characters: UnsafePointer<CChar>? { baseAddress?.assumingMemoryBound(to: CChar.self) }
    }
#endif
