import ArgumentParser
import Glibc
import NIOCore

/// Where to listen, as a person writes it: `127.0.0.1:1143`, `0.0.0.0`, `[::1]:993`, `::`.
struct Endpoint: ExpressibleByArgument {
    var host: String
    var port: Int?

    init(host: String, port: Int?) {
        self.host = host
        self.port = port
    }

    init?(argument: String) {
        var host = argument[...]
        var port: Substring?
        if argument.hasPrefix("[") {
            guard let bracket = argument.firstIndex(of: "]") else { return nil }
            host = argument[argument.index(after: argument.startIndex)..<bracket]
            let rest = argument[argument.index(after: bracket)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
            if !rest.isEmpty { port = rest.dropFirst() }
        } else if argument.filter({ $0 == ":" }).count == 1, let colon = argument.firstIndex(of: ":") {
            host = argument[..<colon]
            port = argument[argument.index(after: colon)...]
        }
        guard !host.isEmpty else { return nil }
        self.host = String(host)
        guard let port else { return }
        guard let number = Int(port), 0...65535 ~= number else { return nil }
        self.port = number
    }
}

/// Why the server does not start, and what to do about it.
struct StartupError: Error {
    let message: String

    init(message: String) { self.message = message }

    init(listening host: String, _ port: Int, _ error: any Error) {
        let place = "\(host):\(port)"
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE?: message = "\(place) is in use by another program; stop it, or choose another port"
        case EACCES?: message = "\(place): ports below 1024 need special rights; run as root, grant CAP_NET_BIND_SERVICE, or choose a higher port"
        case EADDRNOTAVAIL?: message = "\(place): this machine has no such address"
        default: message = "cannot listen on \(place): \(error)"
        }
    }
}
