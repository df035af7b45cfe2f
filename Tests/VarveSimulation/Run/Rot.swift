import MailModel
import Varve

extension RandomWorkload {
    /// A bit on the medium has changed: an error is right, and no harm; silence is not. Nothing can be done with the store
    /// afterwards.
    func rot() throws {
        try close()
        disk.setObserver(nil)
        let path = disk.paths.filter { disk.size($0)! > 0 }.randomElement(using: &random)!
        // Where there is something: the begin of the file, or anywhere.
        let size = disk.size(path)!
        let offset = number(0...(chance(2) ? min(size, 4096) : size) - 1)
        let bit = number(0...7)
        disk.damage(path, at: offset) { $0 ^ 1 << UInt8(bit) }
        if chance(2) { try removeIndex() }
        do {
            try expectErrorOrNoHarm()
        } catch let error as StoreError {
            guard [.corrupt, .unsupportedVersion, .readOnly].contains(error.kind) else {
                throw Violation("bit \(bit) of byte \(offset) of \(path) has changed: \(error)")
            }
        } catch {
            throw Violation("bit \(bit) of byte \(offset) of \(path) has changed in silence: \(error)")
        }
        kill()
    }

    private func expectErrorOrNoHarm() throws {
        store = try openOnce()
        if let difference = try Comparison.difference(store.snapshot(), account) {
            // A store that takes no more changes has told of it.
            try store.commit { _ = try $0.createMailbox("more") }
            throw Violation(difference)
        }
        for id in account.ids {
            guard let view = try store.snapshot().view(of: MailboxID(id)) else { continue }
            for message in account.mailboxes[id]!.messages.suffix(8) {
                guard let found = try view.message(UID(message.uid)) else {
                    throw Violation("UID \(message.uid) is not there")
                }
                do {
                    let body = try store.body(of: found)
                    guard try body.bytes() == Mail.bodies[message.body] else {
                        throw Violation("UID \(message.uid) has other bytes")
                    }
                    try body.withSummary { _ in }
                } catch let error as StoreError where error.kind == .corrupt {
                    // This message is lost, the others may not be.
                }
            }
        }
        try store.commit { _ = try $0.createMailbox("more") }
    }
}
