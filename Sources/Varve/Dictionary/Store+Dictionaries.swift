import VarveFormat

extension Store {
    /// What a message is to be compressed with; nil if with nothing. Where it is wrong, because a new segment has begun, the
    /// transaction compresses the message anew.
    var preparingDictionary: CompressionDictionary? {
        guard cipher == nil else { return nil }
        return preparing.current {
            let root = published.load()
            return dictionary(of: root.logEnd.segment, isEmpty: Int(root.logEnd.offset) <= SegmentHeader.size, root.segments)
        }
    }

    /// The dictionary of a segment, or the one that it is to get: that of the segment before. One that is damaged is told to
    /// whoever reads with it; here it is none.
    private func dictionary(of number: UInt32, isEmpty: Bool, _ segments: SegmentTable) -> CompressionDictionary? {
        let number = isEmpty ? number - 1 : number
        guard number > 0, let segment = segments.file(number), let file = try? segment.file() else { return nil }
        return try? dictionaries.of(number, file)
    }

    /// The dictionary of the segment that is written to, or the one that it is to get. Holds the writer's lock.
    func segmentDictionary() -> CompressionDictionary? {
        let current = writer.log.current
        if case .known(let dictionary) = current.dictionary { return dictionary }
        let found = cipher != nil ? nil
            : dictionary(of: current.number, isEmpty: current.end == SegmentHeader.size, writer.segments)
        writer.log.current.dictionary = .known(found)
        return found
    }

    // MARK: A new one

    var isDictionaryDue: Bool {
        options.dictionaries != nil && cipher == nil && writer.failure == nil && writer.state.nextIdentity > writer.dictionaryDue
    }

    /// Looks whether small messages would shrink more with a dictionary made from those that are there now. If so, the next
    /// transaction begins a segment with it.
    /// - Complexity: O(messages looked at), which are a few hundred.
    func renewDictionary() throws(StoreError) {
        guard let policy = options.dictionaries, isWanted({ _ in isDictionaryDue }) else { return }
        monitor.lock()
        let current = writer.nextDictionary ?? segmentDictionary()
        let nextIdentity = writer.state.nextIdentity
        // Of one that an earlier opening made it is not known before it is read.
        let isEarly = current.map { nextIdentity / DictionaryPolicy.growth < $0.nextIdentity } ?? false
        writer.dictionaryDue = DictionaryPolicy.due(after: isEarly ? current!.nextIdentity : nextIdentity)
        monitor.unlock()
        guard !isEarly else { return }
        var samples = try sampleMessages(policy.samples + policy.tests)
        guard samples.count > policy.tests else { return }
        let tests = samples.evenly(policy.tests)
        var training = DictionaryTraining(samples)
        samples = []
        let content = training.content(size: policy.size)
        guard !content.isEmpty, let candidate = CompressionDictionary(ByteBlock(content), nextIdentity: nextIdentity) else { return }
        let before = Store.size(of: tests, with: current)
        let after = Store.size(of: tests, with: candidate)
        // Within the messages that will come before the next one is looked for, it must make up for its own size.
        guard before - after >= before * DictionaryPolicy.leastGain / 100,
            Double(before - after) / Double(tests.count) * Double(nextIdentity) >= Double(content.count),
            try isUnknown(candidate.number)
        else { return }
        let dictionary = dictionaries.add(candidate)
        monitor.lock()
        writer.nextDictionary = dictionary
        monitor.unlock()
    }

    /// Small messages, spread evenly over the account: of each, summary and body. Copies are one message: what it alone says is
    /// not to count several times.
    private func sampleMessages(_ count: Int) throws(StoreError) -> [[UInt8]] {
        let root = published.load()
        let live = Int(try root.state.uid.weight(below: .max, root.pages).live)
        var samples: [[UInt8]] = []
        var identities: Set<UInt64> = []
        for i in 0..<min(count, live) {
            guard let (leaf, row) = try root.state.uid.select(Int32(i * live / min(count, live)), by: .live, root.pages) else {
                continue
            }
            let found = MessageRow(leaf, row)
            guard found.size <= UInt32(Format.smallMessageSize), identities.insert(found.identity).inserted,
                let segment = root.segments.file(found.location.segment) else {
                continue
            }
            do throws(StoreError) {
                let body = try MessageBody(
                    found.location, size: Int(found.size), tag: uuid.tag, file: segment.file(), cipher, dictionaries)
                if let content = try body.smallContent() { samples.append(content) }
            } catch {
                // Damage is told to whoever reads the message.
                if error.kind != .corrupt { throw error }
            }
        }
        return samples
    }

    private static func size(of messages: [[UInt8]], with dictionary: CompressionDictionary?) -> Int {
        let out = ByteBlock(capacity: CompressionWorkspace.contentSize)
        return CompressionWorkspace.with { workspace in
            messages.reduce(0) { sum, message in
                workspace.content.copyBytes(from: message)
                let length = workspace.compress(message.count, with: dictionary, into: out.bytes.baseAddress!)
                return sum + (length == 0 ? message.count : length)
            }
        }
    }

    /// Whether no segment has another dictionary of this number.
    private func isUnknown(_ number: UInt32) throws(StoreError) -> Bool {
        for segment in published.load().segments.files {
            if let found = try? dictionaries.of(segment.number, segment.file()), found.number == number { return false }
        }
        return true
    }
}

extension [[UInt8]] {
    /// Takes so many elements out of the array, from all of it.
    fileprivate mutating func evenly(_ wanted: Int) -> [[UInt8]] {
        let step = Swift.max(2, count / wanted)
        var taken: [[UInt8]] = []
        var left: [[UInt8]] = []
        for (i, element) in enumerated() {
            if i % step == 1, taken.count < wanted { taken.append(element) } else { left.append(element) }
        }
        self = left
        return taken
    }
}
