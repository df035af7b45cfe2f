import CRetain
import Synchronization
import VarveFormat

/// One published state of the account, immutable, shared by those who read it.
final class Root: Sendable {
    let state: IndexState
    let pages: Pages
    let segments: SegmentTable
    /// The log up to here makes this state.
    let logEnd: LogPosition
    /// Tells the writer when the last reader has let this state go.
    let liveness = Liveness()

    init(state: IndexState, pages: Pages, segments: SegmentTable, logEnd: LogPosition) {
        self.state = state
        self.pages = pages
        self.segments = segments
        self.logEnd = logEnd
    }

    deinit { liveness.end() }

    final class Liveness: Sendable {
        private let alive = Atomic<Bool>(true)
        var isAlive: Bool { alive.load(ordering: .acquiring) }
        func end() { alive.store(false, ordering: .releasing) }
    }
}

/// The newest root, which readers take without a lock.
///
/// A reader writes down in a slot which root it is about to retain and looks whether it is still the newest; a writer
/// lets an older root go only when no slot names it.
final class PublishedRoot: @unchecked Sendable {
    private static let slotCount = 64
    /// A cache line apart, so that readers do not get in each other's way.
    private static let stride = 8

    private let current: Atomic<UInt>
    private let slots: UnsafeMutablePointer<Atomic<UInt>>
    /// Replaced, but perhaps about to be retained by a reader. Only the publishing thread comes here.
    private var retired: [Unmanaged<Root>] = []

    init(_ root: Root) {
        current = Atomic(UInt(bitPattern: Unmanaged.passRetained(root).toOpaque()))
        let count = PublishedRoot.slotCount * PublishedRoot.stride
        slots = .allocate(capacity: count)
        for i in 0..<count { (slots + i).initialize(to: Atomic(0)) }
    }

    deinit {
        for root in retired { root.release() }
        unmanaged(current.load(ordering: .acquiring)).release()
        slots.deinitialize(count: PublishedRoot.slotCount * PublishedRoot.stride)
        slots.deallocate()
    }

    private func unmanaged(_ bits: UInt) -> Unmanaged<Root> { .fromOpaque(UnsafeRawPointer(bitPattern: bits)!) }

    /// - Complexity: a few atomic operations, no lock.
    func load() -> Root {
        // Threads differ in their stacks, so they start at different slots.
        var marker: UInt8 = 0
        var index = withUnsafePointer(to: &marker) { Int(UInt(bitPattern: $0) >> 16) } % PublishedRoot.slotCount
        while true {
            let bits = current.load(ordering: .acquiring)
            let slot = slots + index * PublishedRoot.stride
            guard slot.pointee.compareExchange(expected: 0, desired: bits, ordering: .sequentiallyConsistent).exchanged else {
                index = (index + 1) % PublishedRoot.slotCount
                continue
            }
            // Seen again after the slot was written: the writer will see the slot before it lets the root go.
            if current.load(ordering: .sequentiallyConsistent) == bits {
                // In C, so that it is done before the slot is given up: the optimizer moved a retain of Swift's own behind
                // that, where a writer may have let the root go.
                let root = varve_retain(UnsafeMutableRawPointer(bitPattern: bits)!)
                slot.pointee.store(0, ordering: .releasing)
                return Unmanaged<Root>.fromOpaque(root).takeRetainedValue()
            }
            slot.pointee.store(0, ordering: .releasing)
        }
    }

    /// Calls must not overlap.
    func publish(_ root: Root) {
        let bits = UInt(bitPattern: Unmanaged.passRetained(root).toOpaque())
        retired.append(unmanaged(current.exchange(bits, ordering: .sequentiallyConsistent)))
        retired.removeAll { root in
            let bits = UInt(bitPattern: root.toOpaque())
            for i in 0..<PublishedRoot.slotCount
            where slots[i * PublishedRoot.stride].load(ordering: .sequentiallyConsistent) == bits { return false }
            root.release()
            return true
        }
    }
}
