import IMAPCodec

// CAPABILITY, NOOP, LOGOUT (RFC 3501 §6.1), ID (RFC 2971), ENABLE (RFC 5161), NAMESPACE (RFC 2342).

extension CommandTable {
    static let sessionCommands = [
        CommandRow("CAPABILITY", .any, isQuick: true) { session, _ in
            session.out.writeLine("* CAPABILITY \(session.capabilities)")
            return .ok("Capability completed")
        },
        CommandRow("NOOP", .any, isQuick: true) { _, _ in .ok("Noop completed") },
        CommandRow("LOGOUT", .any, isQuick: true) { session, _ in
            await session.end("Logging out")
            var reply = Reply.ok("Logout completed")
            reply.isLast = true
            return reply
        },
        CommandRow("ID", .any, isQuick: true) { session, tagged in
            if case .id(let fields) = tagged.command { session.logClient(fields) }
            session.out.writeLine("* ID (\"name\" \"varved\")")
            return .ok("Id completed")
        },
        CommandRow("ENABLE", .loggedIn, isQuick: true) { session, tagged in
            guard case .enable(let names) = tagged.command else { return .mismatch }
            try session.enable(names)
            return .ok("Enable completed")
        },
        CommandRow("NAMESPACE", .loggedIn, isQuick: true) { session, _ in
            session.out.writeLine("* NAMESPACE ((\"\" \"/\")) NIL NIL")
            return .ok("Namespace completed")
        },
    ]
}

extension Session {
    /// RFC 3501 §7.2.1. What depends on the connection: STARTTLS (§6.2.1), LOGINDISABLED (§6.2.3).
    var capabilities: String {
        var names = ["IMAP4rev1", "LITERAL+", "SASL-IR", "ID", "ENABLE"]
        if account == nil {
            if server.tls != nil, !isEncrypted { names.append("STARTTLS") }
            names.append(mayLogIn ? "AUTH=PLAIN" : "LOGINDISABLED")
        }
        names += ["NAMESPACE", "CHILDREN", "UNSELECT", "IDLE", "UIDPLUS", "MOVE", "CONDSTORE", "QRESYNC"]
        names += ["LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE", "CREATE-SPECIAL-USE", "STATUS=SIZE"]
        names += ["OBJECTID", "SAVEDATE", "MULTIAPPEND", "ESEARCH", "SEARCHRES", "WITHIN"]
        // RFC 7889 §2: one limit for all mailboxes; told before login as it is afterwards.
        names += ["APPENDLIMIT=\(server.limits.parser.maximumMessageBytes)", "UIDONLY", "PARTIAL"]
        return names.joined(separator: " ")
    }

    /// RFC 5161 §3.1: what is not known, or needs no enabling, is passed over.
    fileprivate func enable(_ names: [String]) throws {
        var done: [String] = []
        for name in names where !done.contains(name) {
            switch name {
            case "CONDSTORE": break
            // RFC 7162 §3.2.3: it enables CONDSTORE, too.
            case "QRESYNC": enabled.insert(.qresync)
            case "UIDONLY": enabled.insert(.uidOnly)
            default: continue
            }
            done.append(name)
        }
        out.writeLine((["* ENABLED"] + done).joined(separator: " "))
        if done.contains("CONDSTORE") || done.contains("QRESYNC") { try enableCondstore() }
    }

    fileprivate func logClient(_ fields: [(field: String, value: String?)]) {
        let known = fields.filter { ["name", "version"].contains($0.field.lowercased()) }.compactMap(\.value)
        if !known.isEmpty { logger.debug("client", metadata: ["id": .foreign(known.joined(separator: " "))]) }
    }
}
