import MailModel
import TestSupport
import Testing
import VarveSimulation
import VarveFormat
import VarveSimulation

@testable import Varve

/// A repository whose bytes are not what was written.
@Suite struct BackupDamageTests {
    private func backedUp() throws -> (BackupScene, Backup) {
        let (scene, _, _) = try BackupScene.finished()
        return (scene, try scene.repository.backUp(Workload.path).backup)
    }

    @Test func aFlippedBitOfAnyFileIsFound() throws {
        let (scene, backup) = try backedUp()
        var random = SeededGenerator(seed: 4)
        for file in backup.files {
            for _ in 0..<3 {
                let disk = scene.disk.afterPowerFailure(seed: 1)
                let repository = BackupScene.repository(disk)
                let name = repository.objectPath(backup, file)
                let place = Int.random(in: 0..<file.size, using: &random)
                disk.damage(name, at: place)
                let verdict = try repository.verify(backup, Workload.options(disk))
                #expect(!verdict.isWhole && verdict.problems[0].contains(name), "\(name), \(place): \(verdict.problems)")
                expectFailure(.corrupt, name) {
                    try repository.restore(backup, to: "x", BackupScene.restoreOptions(disk))
                }
                #expect(try !disk.exists("x"))
            }
        }
    }

    @Test func aMissingOrShortFileIsFound() throws {
        let (scene, backup) = try backedUp()
        for file in backup.files {
            for isGone in [true, false] {
                let disk = scene.disk.afterPowerFailure(seed: 1)
                let name = scene.repository.objectPath(backup, file)
                if isGone { try disk.remove(name) } else { disk.cut(name, to: file.size - 8) }
                let verdict = try BackupScene.repository(disk).verify(backup, Workload.options(disk))
                #expect(verdict.problems.count == 1, "\(name): \(verdict.problems)")
            }
        }
    }

    /// Digests hold, but what they are of is no log.
    @Test func aLogThatDoesNotReplayIsFound() throws {
        let (scene, backup) = try backedUp()
        var other = backup
        // Says that it goes one commit further than it does.
        other.modSeq = ModSeq(backup.modSeq.rawValue + 1)
        let verdict = try scene.repository.verify(other, Workload.options(scene.disk))
        #expect(verdict.problems.count == 1, "\(verdict.problems)")
        // A commit is cut off the last segment.
        let last = try #require(backup.segments.last)
        let bytes = try #require(scene.disk.contents(scene.repository.objectPath(backup, last)))
        let short = Array(bytes.dropLast(8))
        let file = BackupFile(role: .open, number: last.number, size: short.count, digest: try FileDigest.of(short))
        other = backup
        other.files = backup.files.dropLast() + [file]
        let copy = try scene.disk.open(scene.repository.objectPath(other, file), create: true, writable: true)
        try short.withBytes { bytes throws(StoreError) in try copy.write(at: 0, [bytes]) }
        #expect(try !scene.repository.verify(other, Workload.options(scene.disk)).isWhole)
    }

    @Test func aManifestIsWholeOrNone() throws {
        let (scene, backup) = try backedUp()
        let text = try backup.encode()
        #expect(try Backup(id: backup.id, text, at: "m") == backup)
        for count in text.indices {
            expectFailure(.corrupt, "\(count) bytes") { _ = try Backup(id: "x", Array(text[..<count]), at: "m") }
        }
        for place in text.indices {
            var other = text
            other[place] ^= 1
            do {
                _ = try Backup(id: "x", other, at: "m")
                Issue.record("byte \(place) does not matter")
            } catch {
                #expect(error.kind == .corrupt || error.kind == .unsupportedVersion)
            }
        }
        scene.disk.damage("\(BackupScene.repository)/backups/\(backup.id).manifest", at: 40)
        guard case .unreadable(let id, _)? = try scene.repository.entries().first else {
            Issue.record("a damaged manifest is listed as a backup")
            return
        }
        #expect(id == backup.id)
        expectFailure(.corrupt, "pruning beside a damaged manifest") { _ = try scene.repository.prune(keep: 1) }
        // A later backup is made all the same.
        #expect(try scene.repository.backUp(Workload.path).reusedFiles > 0)
    }

    @Test func manifestsThatCannotBe() throws {
        let (_, backup) = try backedUp()
        func refuse(_ what: String, _ change: (inout Backup) -> Void) throws {
            var other = backup
            change(&other)
            let text = try other.encode()
            expectFailure(.corrupt, what) { _ = try Backup(id: "x", text, at: "m") }
        }
        try refuse("a gap") { $0.files.remove(at: 1) }
        try refuse("no begin") { $0.files.removeFirst() }
        try refuse("no end") { $0.files.removeLast() }
        try refuse("no order") { $0.files.swapAt(0, 1) }
        try refuse("another end") { $0.end = LogPosition(segment: $0.end.segment, offset: 64) }
        try refuse("a horizon behind the end") { $0.horizon = $0.modSeq.next }
        try refuse("two keys") { backup in
            let key = BackupFile(role: .key, number: 0, size: 1, digest: backup.files[0].digest)
            backup.files += [key, key]
        }
        // What a later version may add.
        var lines = String(decoding: try backup.encode(), as: UTF8.self).split(separator: "\n").dropLast().map { "\($0)\n" }
        lines.insert("colour blue\n", at: 2)
        let text = Array(lines.joined().utf8)
        let sum = Array("sum \(FileDigest.hexadecimal(try FileDigest.of(text)))\n".utf8)
        #expect(try Backup(id: backup.id, text + sum, at: "m") == backup)
    }
}
