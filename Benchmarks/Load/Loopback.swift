import BenchContest
import Foundation

/// What the machine's own network takes.
enum Loopback {
    /// Seconds that a byte takes from one thread to another over TCP, and an answer back.
    /// - Parameter answer: its bytes.
    static func exchange(answer: Int) throws -> Double {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
                bind(listener, name, length) == 0 && listen(listener, 1) == 0 && getsockname(listener, name, &length) == 0
            }
        }
        let here = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(here) }
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(here, $0, length) == 0 }
        }
        guard isListening, isConnected else { throw LoadError("loopback", String(cString: strerror(errno))) }
        let there = accept(listener, nil, nil)
        for end in [here, there] {
            var one: Int32 = 1
            setsockopt(end, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        }
        let ended = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            var byte: UInt8 = 0
            let bytes = [UInt8](repeating: 7, count: max(answer, 1))
            while recv(there, &byte, 1, 0) == 1, sendAll(there, bytes) {}
            close(there)
            ended.signal()
        }
        var latencies = Latencies()
        var byte: UInt8 = 7
        var room = [UInt8](repeating: 0, count: 256 << 10)
        for _ in 0..<(answer > 1 << 20 ? 20 : 500) {
            let isBack = latencies.measure {
                guard send(here, &byte, 1, 0) == 1 else { return false }
                var left = max(answer, 1)
                while left > 0 {
                    let count = recv(here, &room, min(left, room.count), 0)
                    guard count > 0 else { return false }
                    left -= count
                }
                return true
            }
            guard isBack else { throw LoadError("loopback", "the connection broke off") }
        }
        shutdown(here, Int32(SHUT_WR))
        ended.wait()
        return latencies.median
    }

    private static func sendAll(_ socket: Int32, _ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { send(socket, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }
}
