import MailMessage

/// Arguments of the commands that concern the session: who the client is, and who its user.
enum SessionArguments {
    // RFC 2971 §3.3
    static let maximumIDFields = 30
    static let maximumIDFieldBytes = 30
    static let maximumIDValueBytes = 1_024

    /// RFC 2971 §3.1.
    @Sendable static func id(_ cursor: inout Cursor) throws(Refusal) -> Command {
        try cursor.space(before: "NIL or a list of fields")
        if cursor.takes(word: "NIL") { return .id([]) }
        try cursor.expect(.leftParenthesis, "NIL or a list of fields in parentheses")
        var fields: [(field: String, value: String?)] = []
        if cursor.takes(.rightParenthesis) { return .id(fields) }
        repeat {
            guard fields.count < maximumIDFields else { throw .bad("more than \(maximumIDFields) fields") }
            let field = try cursor.string("a field's name as a string")
            guard field.utf8.count <= maximumIDFieldBytes else {
                throw .bad("a field's name of more than \(maximumIDFieldBytes) bytes")
            }
            try cursor.space(before: "the field's value")
            let value = try cursor.nstring("a string or NIL as the field's value")
            guard value?.utf8.count ?? 0 <= maximumIDValueBytes else {
                throw .bad("a field's value of more than \(maximumIDValueBytes) bytes")
            }
            fields.append((field, value))
        } while cursor.takes(.space)
        try cursor.expect(.rightParenthesis, "\")\" or a space after a field's value")
        return .id(fields)
    }

    /// RFC 3501 §6.2.2, with the initial response of RFC 4959.
    @Sendable static func authenticate(_ cursor: inout Cursor) throws(Refusal) -> Command {
        try cursor.space(before: "a mechanism's name")
        let mechanism = try cursor.word("a mechanism's name")
        cursor.isSecret = true
        guard cursor.takes(.space), !cursor.isAtEnd else {
            return .authenticate(mechanism: mechanism, initialResponse: nil)
        }
        let response = try cursor.atom("the initial response in base64, or =")
        if response.count == 1, response[0] == .equals {
            return .authenticate(mechanism: mechanism, initialResponse: [])
        }
        guard let bytes = Base64.decode(strict: response) else { throw .bad("an initial response that is not base64") }
        return .authenticate(mechanism: mechanism, initialResponse: bytes)
    }

    /// RFC 3501 §6.2.3.
    @Sendable static func login(_ cursor: inout Cursor) throws(Refusal) -> Command {
        // From here on nothing is repeated to the client, nor to a log: clients have been seen to quote badly.
        cursor.isSecret = true
        try cursor.space(before: "a user's name")
        let user = try cursor.astring("a user's name")
        try cursor.space(before: "a password")
        let password = try cursor.astring("a password")
        return .login(user: user, password: password)
    }

    /// RFC 5161 §3.1.
    @Sendable static func enable(_ cursor: inout Cursor) throws(Refusal) -> Command {
        try cursor.space(before: "a capability's name")
        var names: [String] = []
        repeat { names.append(try cursor.word("a capability's name")) } while cursor.takes(.space)
        return .enable(names)
    }
}
