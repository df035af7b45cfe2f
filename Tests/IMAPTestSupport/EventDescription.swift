import IMAPCodec
import MailModel
import NIOCore

/// All that an event says, as text: what a fixture states, and what two runs are compared by.
public func describe(_ event: CommandParser.Event) -> String {
    switch event {
    case .needMoreBytes: "more"
    case .continuationNeeded: "+"
    case .command(let tagged): "\(tagged.tag) \(describe(tagged.command))"
    case .line(let line): "line \(String(buffer: line).debugDescription)"
    case .bad(let tag, let text): "\(tag ?? "*") BAD \(text)"
    case .badCharset(let tag): "\(tag) BADCHARSET"
    case .tooLarge(let tag, let text): "\(tag) TOOLARGE \(text)"
    case .fatal(let text): "FATAL \(text)"
    }
}

func describe(_ command: Command) -> String {
    func said(_ arguments: String...) -> String { ([command.name] + arguments).joined(separator: " ") }
    return switch command {
    case .capability, .noop, .logout, .startTLS, .namespace, .idle, .check, .close, .unselect, .expunge: command.name
    case .id(let fields):
        said(fields.map { "\($0.field.debugDescription)=\($0.value?.debugDescription ?? "NIL")" }.joined(separator: ","))
    case .authenticate(let mechanism, let response):
        said(mechanism, response.map { String(decoding: $0, as: UTF8.self).debugDescription } ?? "NIL")
    case .login(let user, let password): said(user.debugDescription, password.debugDescription)
    case .enable(let names): said(names.joined(separator: ","))
    case .select(let path), .examine(let path), .create(let path), .delete(let path), .subscribe(let path),
        .unsubscribe(let path):
        said(describe(path))
    case .rename(let from, let to): said(describe(from), describe(to))
    case .list(let list): said(list.reference.debugDescription, list.pattern.debugDescription)
    case .lsub(let reference, let pattern): said(reference.debugDescription, pattern.debugDescription)
    case .status(let path, let items): said(describe(path), items.map(\.rawValue).joined(separator: ","))
    case .append(let append):
        said(
            describe(append.mailbox), describe(append.flags),
            append.internalDate.map { "\($0.seconds)@\($0.zoneMinutes)" } ?? "NIL",
            String(buffer: append.message).debugDescription)
    case .uidExpunge(let set): said(describe(set))
    case .search(let search): said(search.charset ?? "NIL", describe(search.key))
    case .fetch(let fetch): said(describe(fetch.set), fetch.items.map(describe).joined(separator: ","))
    case .store(let store):
        said(describe(store.set), "\(store.operation)\(store.isSilent ? " silent" : "")", describe(store.flags))
    case .copy(let set, let to, _), .move(let set, let to, _): said(describe(set), describe(to))
    case .unknown: "unknown \(command.name)"
    }
}

private func describe(_ path: MailboxPath) -> String {
    path.name.debugDescription + (path.hasTrailingDelimiter ? "/" : "")
}

private func describe(_ flags: Flags) -> String { "(" + flags.names.joined(separator: " ") + ")" }

func describe(_ set: SequenceSet) -> String {
    func bound(_ bound: SequenceSet.Bound) -> String {
        switch bound {
        case .number(let number): String(number)
        case .last: "*"
        }
    }
    return set.ranges.map { $0.from == $0.to ? bound($0.from) : "\(bound($0.from)):\(bound($0.to))" }
        .joined(separator: ",")
}

private func describe(_ item: FetchItem) -> String {
    guard case .section(let fetch) = item else { return "\(item)" }
    let part = fetch.section.part.map(String.init).joined(separator: ".")
    let partial = fetch.partial.map { "<\($0.origin).\($0.count)>" } ?? ""
    return "\(fetch.form)\(fetch.peek ? " peek" : "")[\(part)|\(fetch.section.text)]\(partial)"
}

func describe(_ key: SearchKey) -> String {
    func names(_ flags: SystemFlags) -> String { Flags(flags).names.joined(separator: " ") }
    return switch key {
    case .all: "all"
    case .has(let flags): "has(\(names(flags)))"
    case .hasNot(let flags): "hasNot(\(names(flags)))"
    case .keyword(let keyword): "keyword(\(keyword))"
    case .notKeyword(let keyword): "notKeyword(\(keyword))"
    case .recent: "recent"
    case .notRecent: "notRecent"
    case .sequenceNumbers(let set): "numbers(\(describe(set)))"
    case .uids(let set): "uids(\(describe(set)))"
    case .larger(let size): "larger(\(size))"
    case .smaller(let size): "smaller(\(size))"
    case .before(let day): "before(\(day.daysSince1970))"
    case .on(let day): "on(\(day.daysSince1970))"
    case .since(let day): "since(\(day.daysSince1970))"
    case .sentBefore(let day): "sentBefore(\(day.daysSince1970))"
    case .sentOn(let day): "sentOn(\(day.daysSince1970))"
    case .sentSince(let day): "sentSince(\(day.daysSince1970))"
    case .header(let field, let value): "header(\(field), \(value.debugDescription))"
    case .body(let text): "body(\(text.debugDescription))"
    case .text(let text): "text(\(text.debugDescription))"
    case .not(let key): "not(\(describe(key)))"
    case .or(let a, let b): "or(\(describe(a)), \(describe(b)))"
    case .and(let keys): "and(\(keys.map(describe).joined(separator: ", ")))"
    }
}
