import IMAPCodec
import Varve

/// How a command ends: its tagged status response (RFC 3501 §7.1).
struct Reply {
    var status: ResponseStatus
    var code: String?
    var text: String
    /// Overrides whether EXPUNGE may be told before it (`CommandRow.mayShift`), where that depends on more than the command's
    /// name.
    var mayShift: Bool?
    /// The tagged response is the session's last word (LOGOUT).
    var isLast = false
    /// The command has already said all that is to be said (STARTTLS).
    var isUntagged = false

    static func ok(_ text: String, code: String? = nil) -> Reply { Reply(status: .ok, code: code, text: text) }
    static func no(_ text: String, code: String? = nil) -> Reply { Reply(status: .no, code: code, text: text) }
    static func bad(_ text: String) -> Reply { Reply(status: .bad, code: nil, text: text) }
}

/// A command's failure that the client is to be told, thrown from deep inside of it.
struct CommandFailure: Error {
    let reply: Reply
    init(_ reply: Reply) { self.reply = reply }
}

extension Session {
    /// The reply for what a command threw. Response codes: RFC 5530 §3.
    func failure(_ error: any Error, in command: String) -> Reply {
        if let failure = error as? CommandFailure { return failure.reply }
        guard let error = error as? StoreError else {
            logger.error("command failed", metadata: ["command": .string(command), "error": "\(error)"])
            return .no("The server failed; the operator has been told", code: "SERVERBUG")
        }
        switch error.kind {
        case .notFound: return .no(error.message, code: "NONEXISTENT")
        case .alreadyExists: return .no(error.message, code: "ALREADYEXISTS")
        case .invalidName, .notPermitted: return .no(error.message, code: "CANNOT")
        case .limit: return .no(error.message, code: "LIMIT")
        case .readOnly: return .no("The mail store is open for reading only", code: "NOPERM")
        case .locked: return .no("The mail store is in use by another program", code: "INUSE")
        case .unsupportedVersion:
            logger.critical("store of another version", metadata: ["command": .string(command), "error": "\(error)"])
            return .no("The mail store is of a version that the server does not know", code: "CONTACTADMIN")
        case .corrupt:
            logger.critical("damage", metadata: ["command": .string(command), "error": "\(error)"])
            return .no("The mail store is damaged; the operator has been told", code: "CORRUPTION")
        case .keyMissing, .wrongKey:
            logger.critical("store is encrypted", metadata: ["command": .string(command), "error": "\(error)"])
            return .no("The mail store is encrypted with a key that the server does not have", code: "CONTACTADMIN")
        case .poisoned, .closed:
            // The next session opens the store anew, which recovers it.
            isStoreBroken = true
            logger.error("store is out of order", metadata: ["command": .string(command), "error": "\(error)"])
            return .no("The mail store cannot be written to; log in again", code: "UNAVAILABLE")
        case .outOfSpace, .io:
            // If the store is out of order now, the next change will hear so.
            logger.critical("disk failed", metadata: ["command": .string(command), "error": "\(error)"])
            return .no("The mail store cannot be written to: \(error.kind)", code: "UNAVAILABLE")
        }
    }
}
