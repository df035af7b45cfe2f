import IMAPCodec
import MailMessage
import MailModel
import NIOCore
import Varve

// One message's FETCH response, written straight from index and log into what goes to the socket. A large literal is never
// whole in memory: it is read a piece at a time, and each piece waits until the client has taken those before it.

extension Session {
    /// If something of the message cannot be read, nothing of it is said; or, if part of it has gone out already, nothing
    /// more at all: a response that is begun can only be broken off with the connection.
    func write(_ fetched: FetchedMessage, _ plan: FetchPlan) async throws {
        let (start, flushesBefore) = (out.writerIndex, flushes)
        do {
            try await writeResponse(fetched, plan)
        } catch let error as StoreError where error.kind == .corrupt {
            if flushes == flushesBefore {
                out.moveWriterIndex(to: start)
            } else {
                out.clear()
                state = leaving()
            }
            throw error
        }
    }

    /// The whole responses of messages without keywords, for a plan that `isQuick`.
    func writeQuickly(_ entries: ArraySlice<MessageBatches.Entry>, _ plan: FetchPlan, _ selected: SelectedMailbox) {
        guard !entries.isEmpty else { return }
        let uidOnly = enabled.contains(.uidOnly)
        let recent = plan.asksFlags ? selected.recent : UIDSet()
        let items = plan.items
        let addsUID = plan.addsUID && !uidOnly
        let capacity = ResponseLine.maximumFetchBytes + items.count * ResponseLine.maximumFetchItemBytes
        out.writeLines(atMost: capacity * entries.count) { line in
            for entry in entries {
                let message = entry.message
                line.putFetch(entry.number, message.uid, uidOnly: uidOnly)
                var isFirst = true
                if addsUID {
                    line.putUID(message.uid)
                    isFirst = false
                }
                for item in items {
                    if !isFirst { line.put(" ") }
                    isFirst = false
                    switch item {
                    case .flags: line.putFlags(message.flags, recent: !recent.isEmpty && recent.contains(message.uid))
                    case .uid: line.putUID(message.uid)
                    case .modSeq: line.putModSeq(message.modSeq)
                    case .size:
                        line.put("RFC822.SIZE ")
                        line.put(UInt64(message.size))
                    default: preconditionFailure("the plan is not quick")
                    }
                }
                line.put(")\r\n")
            }
        }
    }

    private func writeResponse(_ fetched: FetchedMessage, _ plan: FetchPlan) async throws {
        var fetched = fetched
        // Most damage shows here, before anything is said.
        if plan.needsBody { try fetched.withSummary { _ in } }
        // A change that the client is told of unasked names the message by its UID, too (RFC 7162 §3.2.4).
        let isChange = fetched.isNowSeen && plan.tellsModSeqs
        let addsUID = plan.addsUID || isChange && !plan.items.contains(.uid)
        var isFirst = !writeFetchHead(fetched.number, fetched.message.uid, writesUID: addsUID)
        for item in plan.items {
            switch item {
            case .section(let section):
                separate(&isFirst)
                out.writeSectionName(section)
                out.writeString(" ")
                // One at a time: the client may ask for many.
                try await write(SectionContent(section, &fetched))
                // Much may have been looked through although little was found: others have the thread now.
                if fetched.message.size > Session.flushSize { await Task.yield() }
            case .envelope, .body, .bodyStructure:
                separate(&isFirst)
                try writeStructure(item, &fetched)
            case .flags, .internalDate, .size, .uid, .modSeq, .emailID, .threadID, .saveDate:
                writeItem(item, &isFirst, fetched)
            }
        }
        if fetched.isNowSeen, !plan.asksFlags { writeItem(.flags, &isFirst, fetched) }
        if isChange, !plan.items.contains(.modSeq) { writeItem(.modSeq, &isFirst, fetched) }
        out.writeString(")\r\n")
        await flushIfLarge()
    }

    /// What the index alone knows.
    private func writeItem(_ item: FetchItem, _ isFirst: inout Bool, _ fetched: FetchedMessage) {
        separate(&isFirst)
        let message = fetched.message
        switch item {
        case .flags:
            out.writeString("FLAGS ")
            // As they are, also where this FETCH has set \Seen: another session may have taken it away since, and what has the
            // message's mod-sequence is what it did.
            out.writeFlags(message.flags, keywords: fetched.keywords, recent: fetched.isRecent)
        case .internalDate:
            out.writeString("INTERNALDATE ")
            out.writeDateTime(message.internalDate)
        case .size:
            out.writeString("RFC822.SIZE ")
            out.writeDecimal(message.size)
        case .uid:
            out.writeString("UID ")
            out.writeDecimal(message.uid.rawValue)
        case .modSeq:
            out.writeModSeq(message.modSeq)
        case .emailID:
            // A session that has ended meanwhile has no account, and nobody hears what it says.
            let id = account?.objectIDs.email(message.identity) ?? ""
            out.writeString("EMAILID (\(id))")
        case .threadID:
            // RFC 8474 §5.2: NIL where threads are not known.
            out.writeString("THREADID NIL")
        case .saveDate:
            out.writeString("SAVEDATE ")
            out.writeDateTime(InternalDate(seconds: message.saveDate))
        case .envelope, .body, .bodyStructure, .section:
            preconditionFailure("an item that the index does not know")
        }
    }

    /// What the summary knows.
    private func writeStructure(_ item: FetchItem, _ fetched: inout FetchedMessage) throws {
        try fetched.withSummary { summary in
            switch item {
            case .envelope:
                out.writeString("ENVELOPE ")
                out.writeEnvelope(summary.envelope)
            case .bodyStructure:
                out.writeString("BODYSTRUCTURE ")
                out.writeBodyStructure(summary.root, extensible: true)
            default:
                out.writeString("BODY ")
                out.writeBodyStructure(summary.root, extensible: false)
            }
        }
    }

    /// NIL, or a literal.
    private func write(_ content: SectionContent) async throws {
        switch content {
        case .none: out.writeString("NIL")
        case .bytes(let bytes):
            out.writeString("{\(bytes.count)}\r\n")
            var rest = bytes[...]
            while !rest.isEmpty, !state.isLoggedOut {
                out.writeBytes(rest.prefix(Session.flushSize))
                rest = rest.dropFirst(Session.flushSize)
                await flushIfLarge()
            }
        case .range(let range, let body):
            out.writeString("{\(range.count)}\r\n")
            var at = range.lowerBound
            while at < range.upperBound, !state.isLoggedOut {
                // Pieces end where chunks do, so that none is inflated twice.
                let end = min(range.upperBound, (at / MessageBody.pieceSize + 1) * MessageBody.pieceSize)
                try out.writeWithUnsafeMutableBytes(minimumWritableBytes: end - at) { target in
                    try body.read(at..<end, into: UnsafeMutableRawBufferPointer(rebasing: target[..<(end - at)]))
                    return end - at
                }
                at = end
                await flushIfLarge()
            }
        }
    }
}

extension FetchedMessage {
    /// The message's summary, for as long as the call lasts.
    mutating func withSummary<R>(_ use: (SummaryReader) throws -> R) throws -> R {
        var outcome: Result<R, any Error>?
        try body().withSummary { bytes throws(StoreError) in
            guard let summary = SummaryReader(bytes) else {
                throw StoreError(.corrupt, "the summary of message \(message.uid) cannot be read")
            }
            outcome = Result { try use(summary) }
        }
        return try outcome!.get()
    }
}
