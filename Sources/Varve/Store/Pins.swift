import MailModel
import Synchronization
import VarveFormat

/// What a session knows of a mailbox, in numbers.
public struct ViewMark: Sendable, Hashable {
    public var mailbox: MailboxID
    /// Expunges up to here have been told.
    public var vanished: ModSeq
    /// Changes of flags and new messages up to here have been told. At or after `vanished`: a session may be told of new
    /// mail at moments at which it may not be told of expunges (RFC 3501 §7.4.1).
    public var changed: ModSeq
    /// Messages with UIDs below this are known.
    public var uidNext: UID

    public init(mailbox: MailboxID, vanished: ModSeq, changed: ModSeq, uidNext: UID) {
        self.mailbox = mailbox
        self.vanished = vanished
        self.changed = changed
        self.uidNext = uidNext
    }
}

/// Keeps readable what its holder has not been told of: messages expunged after `mark.vanished` stay in the index until
/// the mark moves on or the pin goes.
///
/// Its owner moves the mark; the writer only looks at it.
public final class ViewPin: Sendable {
    private let state: Mutex<ViewMark>
    /// A copy of the mark's `vanished`, for the writer.
    private let floor: Atomic<UInt64>
    private let pins: Pins
    let mailbox: UInt32

    init(_ mailbox: UInt32, _ pins: Pins) {
        // Until the mark is known, nothing may be purged.
        floor = Atomic(0)
        state = Mutex(ViewMark(mailbox: MailboxID(mailbox), vanished: 0, changed: 0, uidNext: 1))
        self.mailbox = mailbox
        self.pins = pins
        pins.add(self)
    }

    deinit { pins.remove(ObjectIdentifier(self), mailbox) }

    public var mark: ViewMark { state.withLock { $0 } }
    var oldest: UInt64 { floor.load(ordering: .sequentiallyConsistent) }

    /// Says that the holder has been told more.
    /// - Precondition: no number of the mark goes back, and the mailbox stays the same.
    public func advance(to mark: ViewMark) {
        state.withLock { old in
            precondition(mark.mailbox == old.mailbox, "a pin stays with its mailbox")
            precondition(
                mark.vanished >= old.vanished && mark.changed >= old.changed && mark.uidNext >= old.uidNext,
                "a mark moves forwards only")
            old = mark
        }
        floor.store(mark.vanished.rawValue, ordering: .sequentiallyConsistent)
    }
}

/// The pins of a store.
final class Pins: Sendable {
    private struct Entry {
        weak var pin: ViewPin?
    }
    private let pins = Mutex<[UInt32: [ObjectIdentifier: Entry]]>([:])

    func add(_ pin: ViewPin) {
        pins.withLock { $0[pin.mailbox, default: [:]][ObjectIdentifier(pin)] = Entry(pin: pin) }
    }

    func remove(_ pin: ObjectIdentifier, _ mailbox: UInt32) {
        pins.withLock {
            $0[mailbox]?[pin] = nil
            if $0[mailbox]?.isEmpty == true { $0[mailbox] = nil }
        }
    }

    /// The oldest expunge that some holder has been told of; nil if nobody holds the mailbox.
    func oldest(in mailbox: UInt32) -> UInt64? {
        // The references are let go outside of the lock: the last one's end takes it.
        let held = pins.withLock { $0[mailbox]?.values.compactMap(\.pin) }
        return held?.lazy.map(\.oldest).min()
    }
}

extension Store {
    /// A pin whose mark is the newest state.
    /// - Returns: nil if there is no such mailbox.
    public func pin(_ mailbox: MailboxID) throws(StoreError) -> ViewPin? {
        // First the pin, which keeps everything; then the state that it starts from.
        let pin = ViewPin(mailbox.rawValue, pins)
        guard let view = try snapshot().view(of: mailbox) else { return nil }
        pin.advance(to: view.mark)
        return pin
    }
}
