#if Rivals
    import MailModel

    /// What a writing transaction of a mail store on another engine does.
    protocol RivalWriter {
        /// What is changed from here on changes at another modseq.
        mutating func nextModSeq()
        mutating func create(_ name: String) throws
        mutating func append(_ message: RivalMessage, to mailbox: MailboxKey) throws -> UID
        mutating func change(_ flags: SystemFlags, isSet: Bool, of uids: UIDSet, in mailbox: MailboxKey) throws
        /// Takes messages out. Their bodies are noted as dead, and are for a later cleaning, as they are in Varve.
        mutating func expunge(_ uids: UIDSet, in mailbox: MailboxKey) throws
    }

    /// A mail store on another engine. Appends of many committers go into one transaction.
    protocol RivalEngine: QueueingEngine {
        associatedtype Writer: RivalWriter
        var group: GroupCommit { get }
        /// One transaction, on disk when the call returns.
        func write<R>(_ body: (inout Writer) throws -> R) throws -> R
        /// Transactions within the call do not wait for the disk; when it returns, all is there.
        func relaxed(_ body: () throws -> Void) throws
    }

    extension RivalEngine {
        public func create(_ names: [String]) throws {
            try write { for name in names { try $0.create(name) } }
        }

        public func append(_ message: [UInt8], to mailbox: MailboxKey) throws -> UID {
            try group.commit(GroupCommit.Append(RivalMessage(message), mailbox), append)
        }

        public func append(
            _ message: [UInt8], to mailbox: MailboxKey, whenDurable: @escaping @Sendable (Result<Void, any Error>) -> Void
        ) {
            group.queue(GroupCommit.Append(RivalMessage(message), mailbox, whenDurable)) { [self] in try append($0) }
        }

        private func append(_ batch: [GroupCommit.Append]) throws -> [UID] {
            try write { writer in
                try batch.map {
                    writer.nextModSeq()
                    return try writer.append($0.message, to: $0.mailbox)
                }
            }
        }

        public func load(_ corpus: MessageCorpus, into portions: [(mailbox: MailboxKey, count: Int)]) throws {
            /// Messages of one transaction.
            let loadedTogether = 16_384
            var targets = LoadTargets(portions)
            var waiting: [RivalMessage] = []
            func flush() throws {
                try write { writer in
                    writer.nextModSeq()
                    for message in waiting { _ = try writer.append(message, to: targets.next()) }
                }
                waiting.removeAll(keepingCapacity: true)
            }
            try relaxed {
                try PreparedInOrder.run(targets.count) { RivalMessage(corpus.message($0)) } take: { messages in
                    waiting += messages
                    if waiting.count >= loadedTogether { try flush() }
                }
                try flush()
            }
        }

        public func change(_ flags: SystemFlags, isSet: Bool, of uids: UIDSet, in mailbox: MailboxKey) throws {
            try write { writer in
                writer.nextModSeq()
                try writer.change(flags, isSet: isSet, of: uids, in: mailbox)
            }
        }

        public func expunge(_ uids: UIDSet, in mailbox: MailboxKey) throws {
            try write { writer in
                writer.nextModSeq()
                try writer.expunge(uids, in: mailbox)
            }
        }
    }
#endif
