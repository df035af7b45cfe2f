import Glibc

/// Where passwords come from.
enum Password {
    /// More bytes than any password has.
    private static let limit = 8192

    static func read(fromStandardInput: Bool) throws -> [UInt8] {
        if fromStandardInput {
            var password = try readBytes { _ in false }
            if password.last == 10 { password.removeLast() }
            if password.last == 13 { password.removeLast() }
            return password
        }
        guard isatty(STDIN_FILENO) == 1 else {
            throw CommandFailure("standard input is no terminal to ask for a password; use --password-stdin")
        }
        Interruption.watch()
        let first = try ask("Password: ")
        let second = try ask("Again: ")
        guard first == second else { throw CommandFailure("the two passwords are not the same; nothing was changed") }
        return first
    }

    /// Asks on the terminal, without echo.
    private static func ask(_ prompt: String) throws -> [UInt8] {
        var old = termios()
        guard tcgetattr(STDIN_FILENO, &old) == 0 else { throw CommandFailure("the terminal cannot be asked for a password") }
        var silent = old
        silent.c_lflag &= ~tcflag_t(ECHO)
        printToStandardError(prompt)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
        defer {
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &old)
            printToStandardError("\n")
        }
        return try readBytes { $0 == 10 }
    }

    private static func readBytes(until isEnd: (UInt8) -> Bool) throws -> [UInt8] {
        var result: [UInt8] = []
        while result.count <= limit {
            var byte: UInt8 = 0
            let count = Glibc.read(STDIN_FILENO, &byte, 1)
            if count < 0 {
                try Interruption.check()
                if errno == EINTR { continue }
                throw CommandFailure("standard input cannot be read: \(String(cString: strerror(errno)))")
            }
            if count == 0 || isEnd(byte) { break }
            result.append(byte)
        }
        return result
    }

    /// Takes a password out of memory as well as it goes.
    static func forget(_ password: inout [UInt8]) {
        password.withUnsafeMutableBytes { bytes in
            if let base = bytes.baseAddress { explicit_bzero(base, bytes.count) }
        }
        password = []
    }
}
