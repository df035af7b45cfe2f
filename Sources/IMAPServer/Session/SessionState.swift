/// RFC 3501 §3.
enum SessionState {
    case notAuthenticated
    case authenticated(Account)
    case selected(Account, SelectedMailbox)
    case loggedOut

    var isLoggedOut: Bool {
        if case .loggedOut = self { true } else { false }
    }

    /// As a set of one, to be looked for among the states in which a command is allowed.
    var kind: SessionStates {
        switch self {
        case .notAuthenticated: .notAuthenticated
        case .authenticated: .authenticated
        case .selected: .selected
        case .loggedOut: []
        }
    }
}

struct SessionStates: OptionSet, Sendable, CustomStringConvertible {
    let rawValue: UInt8

    static let notAuthenticated = SessionStates(rawValue: 1)
    static let authenticated = SessionStates(rawValue: 2)
    static let selected = SessionStates(rawValue: 4)
    static let any: SessionStates = [.notAuthenticated, .authenticated, .selected]
    static let loggedIn: SessionStates = [.authenticated, .selected]

    var description: String {
        switch self {
        case .notAuthenticated: "before login"
        case .authenticated: "while no mailbox is selected"
        case .selected: "while a mailbox is selected"
        default: "now"
        }
    }
}
