import IMAPCodec
import Varve

// IDLE (RFC 2177).

extension CommandTable {
    static let idleCommands = [
        CommandRow("IDLE", .loggedIn, isQuick: true) { session, _ in await session.idle() }
    ]
}

extension Session {
    /// Tells what happens as it happens, until the client says DONE.
    fileprivate func idle() async -> Reply {
        guard let account else { return .mismatch }
        // The subscription comes before the first look, so that nothing falls between.
        // Only of the mailbox that is selected: of the others there is nothing to tell.
        var selected: SelectedMailbox?
        if case .selected(_, let mailbox) = state { selected = mailbox }
        let subscription = selected.map { selected in
            account.store.subscribe(to: selected.id) { [connection] _ in connection.storeChanged() }
        }
        defer { subscription?.cancel() }
        parser.expectLine()
        out.writeLine("+ idling")
        while !state.isLoggedOut {
            if let selected {
                let told = await report(selected, of: account, mayShift: true)
                // No response of the command's comes soon that could carry it.
                if !state.isLoggedOut, let code = try? highestModSeqCode(told, selected, account) {
                    out.writeStatus("*", .ok, code: code, "Told up to here")
                }
            }
            guard !state.isLoggedOut else { break }
            switch parser.next() {
            case .line(let line):
                let isDone = String(buffer: line).uppercased() == "DONE"
                return isDone ? .ok("Idle completed") : .bad("Expected DONE")
            case .needMoreBytes: break
            case .fatal(let text):
                await end(text)
                continue
            default: return .bad("Expected DONE")
            }
            await flush()
            nothingWaits()
            switch await connection.next(until: deadline, selected == nil ? .bytes : [.bytes, .changes]) {
            case .bytes(let bytes): parser.append(bytes)
            case .storeChanged: break
            case .timeout: await end("Autologout; idle for too long")
            case .stopping: await end("The server shuts down")
            case .closed: state = leaving()
            }
        }
        return .bad("Idle ended")
    }
}
