import Testing

// The built programs, driven as their users drive them. One after another: each starts servers and means to have the
// machine's attention.
@Suite(.serialized)
struct ProgramTests {
    @Test(.needs())
    func mailComesBackByteForByte() async throws {
        try await ScriptProcess(name: "roundtrip.py").run()
    }

    @Test(.needs(.openssl))
    func sessionsOfMailPrograms() async throws {
        try await ScriptProcess(name: "imaplib_session.py").run()
    }

    @Test(.needs(.openssl, .curl))
    func curl() async throws {
        try await ScriptProcess(name: "curl_check.py").run()
    }

    @Test(.needs(.mbsync))
    func mbsyncMirrorsInBothDirections() async throws {
        try await ScriptProcess(name: "mbsync_check.py").run()
    }

    @Test(.needs(.neomutt))
    func neomutt() async throws {
        try await ScriptProcess(name: "neomutt_check.py").run()
    }

    @Test(.needs(.neomutt))
    func neomuttKeepsUpWithOthersChanges() async throws {
        try await ScriptProcess(name: "neomutt_sync.py").run()
    }

    @Test(.needs(.offlineimap))
    func offlineimapSynchronisesInBothDirections() async throws {
        try await ScriptProcess(name: "offlineimap_check.py").run()
    }

    @Test(.needs(.imapclient))
    func imapclient() async throws {
        try await ScriptProcess(name: "imapclient_check.py").run()
    }

    @Test(.needs())
    func nothingAcknowledgedIsLostByKill9() async throws {
        try await ScriptProcess(name: "kill9.py").run()
    }

    @Test(.needs())
    func backupsOfAServedAccount() async throws {
        try await ScriptProcess(name: "backup_live.py").run()
    }

    @Test(.needs())
    func benchOfTheEngine() async throws {
        try await ScriptProcess(name: "bench_engine.py").run()
    }

    @Test(.needs())
    func benchOfServers() async throws {
        try await ScriptProcess(name: "bench_load.py").run()
    }

    @Test(.needs())
    func careOfAccounts() async throws {
        try await ScriptProcess(name: "care.py").run()
    }

    @Test(.needs(.openssl))
    func commandLines() async throws {
        try await ScriptProcess(name: "programs.py").run()
    }

    @Test(.needs(.curl, .neomutt))
    func demo() async throws {
        try await ScriptProcess(name: "demo.py").run()
    }
}
