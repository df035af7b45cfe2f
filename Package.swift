// swift-tools-version:6.1
import PackageDescription

let package = Package(
    name: "varve",
    products: [
        .library(name: "Varve", targets: ["Varve"]),
        .executable(name: "varved", targets: ["varved"]),
        .executable(name: "varve", targets: ["varve"]),
        .executable(name: "varve-dump", targets: ["varve-dump"]),
    ],
    traits: [
        .trait(
            name: "Rivals",
            description: "varve-bench measures SQLite, LMDB and RocksDB beside Varve; needs libsqlite3-dev, liblmdb-dev, librocksdb-dev.")
    ],
    dependencies: [
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // System libraries and the two pieces of C that are ours.
        .systemLibrary(
            name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(
            name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "CCRC32C"),
        .target(name: "CRetain"),

        // Dependencies look downwards only. What embeds the engine needs these and no more.
        .target(name: "MailModel"),
        .target(name: "VarveFormat", dependencies: ["MailModel", "CCRC32C"]),
        .target(name: "MailMessage", dependencies: ["MailModel"]),
        .target(
            name: "Varve",
            dependencies: [
                "MailModel", "MailMessage", "VarveFormat", "CRetain", "CLZ4", "COpenSSL",
                .product(name: "HashTreeCollections", package: "swift-collections"),
            ]),

        // A data folder: its users, and a store for each.
        .target(name: "VarveAccounts", dependencies: ["Varve", "COpenSSL"]),
        // Mail in files of other formats: mbox and Maildir.
        .target(name: "MailFiles", dependencies: ["MailModel"]),
        // What a store's files say, as text.
        .target(name: "VarveDump", dependencies: ["Varve", "VarveFormat", "MailModel", "CLZ4", "COpenSSL"]),

        .target(
            name: "IMAPCodec",
            dependencies: ["MailModel", "MailMessage", .product(name: "NIOCore", package: "swift-nio")]),
        .target(
            name: "IMAPServer",
            dependencies: [
                "IMAPCodec", "Varve", "VarveAccounts", "MailModel", "MailMessage",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Logging", package: "swift-log"),
            ]),

        // The other side of the wire: what a server says, and a connection to one.
        .target(
            name: "IMAPClient",
            dependencies: [
                "MailModel",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),

        .executableTarget(
            name: "varved",
            dependencies: [
                "IMAPServer", "VarveAccounts", "Varve",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .executableTarget(
            name: "varve",
            dependencies: [
                "VarveAccounts", "MailFiles", "Varve",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(
            name: "varve-dump",
            dependencies: ["VarveDump", .product(name: "ArgumentParser", package: "swift-argument-parser")]),

        // What tests share: folders, seeds, the project's own files.
        .target(name: "TestSupport", path: "Tests/TestSupport"),
        // A disk that fails, random work on it, and what must be left of that: for the tests, and for as long as one likes with
        // `swift run simulate`.
        .target(
            name: "VarveSimulation", dependencies: ["Varve", "VarveFormat", "MailModel", "TestSupport"],
            path: "Tests/VarveSimulation"),
        .executableTarget(
            name: "simulate",
            dependencies: ["VarveSimulation", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
        .target(name: "IMAPTestSupport", dependencies: ["IMAPCodec", "MailModel"], path: "Tests/IMAPTestSupport"),
        // Random work on any IMAP server, and what must be true of its answers: for the tests, and with `varve-bench imap`.
        .target(
            name: "IMAPStress",
            dependencies: ["IMAPClient", "MailModel", "TestSupport", .product(name: "NIOCore", package: "swift-nio")],
            path: "Benchmarks/Stress"),
        // What the bench tool tells: while it is at work, and of what it found.
        .target(
            name: "BenchReport",
            dependencies: [.product(name: "Histogram", package: "hdrhistogram-swift")],
            path: "Benchmarks/Report"),
        // Other stores that can hold mailboxes, to be measured beside Varve: only with the trait `Rivals`.
        .systemLibrary(
            name: "CLMDB", path: "Benchmarks/CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
        .systemLibrary(
            name: "CSQLite", path: "Benchmarks/CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(
            name: "CRocksDB", path: "Benchmarks/CRocksDB", pkgConfig: "rocksdb", providers: [.apt(["librocksdb-dev"])]),
        // A mailbox's work, put to each of the stores.
        .target(
            name: "MailboxEngines",
            dependencies: [
                "Varve", "VarveFormat", "MailMessage", "MailModel", "TestSupport",
                .target(name: "CSQLite", condition: .when(traits: ["Rivals"])),
                .target(name: "CLMDB", condition: .when(traits: ["Rivals"])),
                .target(name: "CRocksDB", condition: .when(traits: ["Rivals"])),
            ],
            path: "Benchmarks/Engines"),
        // Work that is put to several in turns, and what is wanted of the first.
        .target(
            name: "BenchContest",
            dependencies: ["BenchReport", .product(name: "Histogram", package: "hdrhistogram-swift")],
            path: "Benchmarks/Contest"),
        // What each store is asked to do, and how that is measured.
        .target(
            name: "EngineBench",
            dependencies: [
                "MailboxEngines", "BenchContest", "BenchReport", "MailModel", "TestSupport", "CLZ4",
            ],
            path: "Benchmarks/Rows"),
        // A load for any IMAP server, over connections that cost next to nothing themselves.
        .target(
            name: "IMAPLoad", dependencies: ["BenchContest", "BenchReport", "MailboxEngines", "TestSupport"],
            path: "Benchmarks/Load"),
        .executableTarget(
            name: "varve-bench",
            dependencies: ["IMAPStress", "IMAPLoad", "BenchReport", "EngineBench", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Benchmarks/Tool"),
        // Hot operations whose instructions and allocations are counted (`Benchmarks/Guards/guards.py`).
        .target(name: "CAllocations", path: "Benchmarks/Guards/Allocations"),
        .executableTarget(
            name: "bench-guards", dependencies: ["MailboxEngines", "MailModel", "TestSupport", "CAllocations"],
            path: "Benchmarks/Guards/Tool"),
        .testTarget(name: "MailModelTests", dependencies: ["MailModel", "TestSupport"]),
        .testTarget(name: "MailMessageTests", dependencies: ["MailMessage", "MailModel", "TestSupport"]),
        .testTarget(name: "VarveFormatTests", dependencies: ["VarveFormat", "VarveDump", "Varve", "MailModel", "CCRC32C", "TestSupport"]),
        .testTarget(
            name: "VarveTests", dependencies: ["Varve", "VarveFormat", "VarveSimulation", "CCRC32C", "TestSupport"]),
        .testTarget(name: "VarveAccountsTests", dependencies: ["VarveAccounts", "TestSupport"]),
        .testTarget(name: "MailFilesTests", dependencies: ["MailFiles", "TestSupport"]),
        .testTarget(name: "IMAPCodecTests", dependencies: ["IMAPCodec", "MailMessage", "IMAPTestSupport", "TestSupport"]),
        .testTarget(
            name: "IMAPClientTests",
            dependencies: [
                "IMAPClient", "MailModel", "TestSupport", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .testTarget(
            name: "IMAPServerTests",
            dependencies: [
                "IMAPServer", "IMAPStress", "VarveAccounts", "Varve", "MailModel", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            exclude: ["Transcripts", "Fixtures"]),
        // All that reads foreign bytes, on changed inputs: for the tests, and as long as one likes with `swift run fuzz`.
        .target(
            name: "FuzzTargets",
            dependencies: ["MailModel", "VarveFormat", "MailMessage", "IMAPCodec", "IMAPTestSupport", "TestSupport"],
            path: "Tests/Fuzzing/Targets"),
        .executableTarget(
            name: "fuzz",
            dependencies: ["FuzzTargets", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Tests/Fuzzing/Tool"),
        .testTarget(name: "FuzzTests", dependencies: ["FuzzTargets", "TestSupport"]),
        .testTarget(name: "BenchTests", dependencies: ["MailboxEngines", "IMAPLoad", "BenchContest", "BenchReport", "MailModel", "TestSupport"]),
        // They run the programs as they were built, with scripts in Python.
        .testTarget(name: "ProgramTests", exclude: ["Scripts"]),
    ],
    swiftLanguageModes: [.v6]
)
