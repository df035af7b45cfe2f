import Glibc
import TestSupport
import Testing
import VarveSimulation

@testable import Varve

/// Random operations against a plain model in memory.
///
/// A failure names its seed. To run one again: `VARVE_MODEL_SEED=n VARVE_MODEL_OPERATIONS=n swift test --filter ModelTests`.
@Suite struct ModelTests {
    private static func number(_ name: String) -> UInt64? { getenv(name).flatMap { UInt64(String(cString: $0)) } }

    private static let seeds: [UInt64] = number("VARVE_MODEL_SEED").map { [$0] } ?? [1, 2, 3, 4, 5, 6, 7, 8]
    private static let operations = Int(number("VARVE_MODEL_OPERATIONS") ?? 25_000)

    @Test(arguments: ModelTests.seeds) func theStoreAgreesWithAModel(seed: UInt64) throws {
        let run = try ModelRun(seed: seed, files: SimulatedDisk(modelsPower: false))
        try run.run(operations: ModelTests.operations)
    }

    /// Sessions and clients lose nothing where expunges are forgotten as soon as they were told.
    @Test(arguments: 21...23 as ClosedRange<UInt64>) func withoutALogOfExpunges(seed: UInt64) throws {
        let run = try ModelRun(seed: seed, files: SimulatedDisk(modelsPower: false)) { $0.syncMode = .noExpungeLog }
        try run.run(operations: ModelTests.operations / 3)
    }

    @Test func theStoreAgreesWithAModelOnARealDisk() throws {
        let folder = TemporaryFolder()
        let run = try ModelRun(seed: 99, path: "\(folder.path)/store", files: DiskFileSystem())
        try run.run(operations: min(2000, ModelTests.operations))
    }
}
