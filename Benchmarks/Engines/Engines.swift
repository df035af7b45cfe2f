/// Which stores this build has.
public enum Engines {
    /// Varve first; the others with the package trait `Rivals`.
    public static var all: [any MailboxEngine.Type] {
        var engines: [any MailboxEngine.Type] = [VarveEngine.self]
        #if Rivals
            engines += [SQLiteEngine.self, LMDBEngine.self, RocksEngine.self]
        #endif
        return engines
    }

    public static var names: [String] { all.map { $0.name } }

    public static let hasRivals: Bool = {
        #if Rivals
            true
        #else
            false
        #endif
    }()
}
