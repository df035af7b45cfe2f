import VarveFormat

/// What a pruning removed.
public struct PruneReport: Sendable {
    public internal(set) var backups: [String] = []
    public internal(set) var objects = 0
    /// Of objects; what is linked elsewhere is counted, too.
    public internal(set) var bytes = 0
}

extension BackupRepository {
    /// Removes all but the newest backups of each account, and then what no backup needs.
    ///
    /// A crash amid it leaves whole backups, and perhaps objects that none needs, for the next pruning to remove.
    /// - Parameter keep: of each account; at least 1.
    /// - Throws: `.locked`; `.corrupt` if a manifest cannot be read, since what it needs is not known: nothing is removed;
    ///   `.limit` for a `keep` below 1; `.io`.
    public func prune(keep: Int) throws(StoreError) -> PruneReport {
        guard keep >= 1 else { throw StoreError(.limit, "at least one backup of an account is kept") }
        _ = try entries()
        let lock = try takeLock()
        defer { lock.release() }
        var backups: [Backup.Account: [Backup]] = [:]
        for entry in try entries() {
            switch entry {
            case .backup(let backup): backups[backup.account, default: []].append(backup)
            case .unreadable(_, let error):
                throw StoreError(error.kind, "\(error.message); nothing is pruned while that is so")
            }
        }
        var report = PruneReport()
        var needed: Set<String> = []
        for (account, all) in backups {
            for backup in all.suffix(keep) {
                for file in backup.files { needed.insert(BackupNames.object(account.store, file)) }
            }
            for backup in all.dropLast(keep) {
                try files.remove("\(path)/\(BackupNames.manifest(backup.id))")
                report.backups.append(backup.id)
            }
        }
        // The manifests are gone for good before anything that they name goes.
        try files.syncDirectory("\(path)/\(BackupNames.manifests)")
        report.backups.sort()
        try removeUnfinished()
        let folder = "\(path)/\(BackupNames.objects)"
        for name in try files.list(folder) where !needed.contains(name) && BackupNames.isObject(name) {
            let object = "\(folder)/\(name)"
            report.bytes += try files.open(object, create: false, writable: false).size()
            report.objects += 1
            try files.remove(object)
        }
        try files.syncDirectory(folder)
        return report
    }
}
