import TestSupport
import Varve

// How a call is made, and how it fails.

extension SimulatedDisk {
    static let powerless = StoreError(.io, "the power failed")

    private static func error(_ kind: StoreError.Kind, _ name: String, _ state: inout State) -> StoreError {
        state.errors += 1
        return StoreError(kind, "\(name): an error of the simulated disk")
    }

    /// A call that changes nothing.
    func look<R>(_ call: Call, _ name: String, _ body: (inout State) -> R) throws(StoreError) -> R {
        let result: Result<R, StoreError> = state.withLock { state in
            if state.isDead { return .failure(SimulatedDisk.powerless) }
            if let odds = state.faults.errorOdds, state.random.once(in: odds) {
                return .failure(SimulatedDisk.error(.io, name, &state))
            }
            return .success(body(&state))
        }
        return try result.get()
    }

    /// Makes a change, unless it is the one that is to fail.
    /// - Parameters:
    ///   - growth: bytes that the disk needs for it.
    ///   - partly: does it, or so much of it.
    func change(
        _ call: Call, _ name: String, growth: () -> Int = { 0 }, partly: (Double, inout State) -> Void
    ) throws(StoreError) {
        let gate = state.withLock { $0.gate }
        if let gate, call != .name, call != .syncDirectory { gate(call, name) }
        let failure: StoreError? = state.withLock { state in
            if state.isDead { return SimulatedDisk.powerless }
            let fault = SimulatedDisk.begin(call, &state)
            var share = 1.0
            var kind: StoreError.Kind?
            if case .error(let what) = fault { kind = what }
            if fault != nil { share = Double.random(in: 0..<1, using: &state.random) }
            if fault == nil, let available = SimulatedDisk.available(state) {
                let needed = growth()
                if needed > available {
                    share = Double.random(in: 0..<1, using: &state.random) * Double(max(0, available)) / Double(needed)
                    kind = .outOfSpace
                }
            }
            partly(share, &state)
            if fault == .powerFailure {
                SimulatedDisk.crash(&state)
                return SimulatedDisk.powerless
            }
            return kind.map { SimulatedDisk.error($0, name, &state) }
        }
        observe(call, name)
        if let failure { throw failure }
    }

    /// Makes something durable, or fails to.
    func synchronise(
        _ call: Call, _ name: String, _ body: (_ fault: Fault?, inout State) -> Void
    ) throws(StoreError) {
        let gate = state.withLock { $0.gate }
        if let gate, call == .sync { gate(call, name) }
        var fault: Fault?
        let isDead = state.withLock { state in
            if state.isDead { return true }
            fault = SimulatedDisk.begin(call, &state)
            return false
        }
        if isDead { throw SimulatedDisk.powerless }
        observe(call, name)
        let failure: StoreError? = state.withLock { state in
            if state.isDead { return SimulatedDisk.powerless }
            body(fault, &state)
            switch fault {
            case nil: return nil
            case .error(let kind)?: return SimulatedDisk.error(kind, name, &state)
            case .powerFailure?:
                SimulatedDisk.crash(&state)
                return SimulatedDisk.powerless
            }
        }
        if let failure { throw failure }
    }

    private func observe(_ call: Call, _ name: String) {
        var observer: ((Int, Call, String) -> Void)?
        let number = state.withLock { state in
            observer = state.observer
            return state.calls
        }
        observer?(number, call, name)
    }

    private static func available(_ state: State) -> Int? {
        state.faults.capacity.map { $0 - files(state).reduce(0) { $0 + $1.size } }
    }

    /// Counts a call. - Returns: how it fails, if it does.
    private static func begin(_ call: Call, _ state: inout State) -> Fault? {
        state.calls += 1
        state.counts[call, default: 0] += 1
        state.kinds.append(call)
        let odds = state.faults.writeBackOdds ?? (state.fault != nil ? 6 : nil)
        if let odds, state.random.once(in: odds) {
            files(state).randomElement(using: &state.random)?.writeBack(&state.random)
        }
        if let fault = state.fault, fault.at == state.calls { return fault.fault }
        guard let odds = state.faults.errorOdds, state.random.once(in: odds) else { return nil }
        return .error(call.needsSpace && Bool.random(using: &state.random) ? .outOfSpace : .io)
    }
}
