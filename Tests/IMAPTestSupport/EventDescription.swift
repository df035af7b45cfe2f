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
    case .badCharset(let tag, let saves): "\(tag) BADCHARSET\(saves ? " saves" : "")"
    case .tooLarge(let tag, let text): "\(tag) TOOLARGE \(text)"
    case .overLimit(let tag, let text): "\(tag) LIMIT \(text)"
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
    case .select(let select):
        said([describe(select.mailbox), select.condstore ? "condstore" : "", select.qresync.map(describe) ?? ""]
            .filter { !$0.isEmpty }.joined(separator: " "))
    case .create(let create): said(([describe(create.mailbox)] + create.uses).joined(separator: " "))
    case .delete(let path), .subscribe(let path), .unsubscribe(let path): said(describe(path))
    case .rename(let from, let to): said(describe(from), describe(to))
    case .list(let list): said(describe(list))
    case .lsub(let reference, let pattern): said(reference.debugDescription, pattern.debugDescription)
    case .status(let path, let items): said(describe(path), items.map(\.rawValue).joined(separator: ","))
    case .append(let append): said(([describe(append.mailbox)] + append.messages.map(describe)).joined(separator: " "))
    case .uidExpunge(let set): said(describe(set))
    case .search(let search):
        said([search.charset ?? "NIL", describe(search.key), search.returns.map(describe) ?? ""]
            .filter { !$0.isEmpty }.joined(separator: " "))
    case .fetch(let fetch):
        said([describe(fetch.set), fetch.items.map(describe).joined(separator: ","), modifiers(fetch)]
            .filter { !$0.isEmpty }.joined(separator: " "))
    case .store(let store):
        said(
            [describe(store.set), "\(store.operation)\(store.isSilent ? " silent" : "")", describe(store.flags),
                store.unchangedSince.map { "unchangedSince(\($0))" } ?? ""]
                .filter { !$0.isEmpty }.joined(separator: " "))
    case .copy(let set, let to, _), .move(let set, let to, _): said(describe(set), describe(to))
    case .unknown: "unknown \(command.name)"
    }
}

private func describe(_ known: SelectCommand.Resynchronisation) -> String {
    let uids = known.knownUIDs.map { " \(describe($0))" } ?? ""
    let match = known.sequenceMatch.map { " (\(describe($0.numbers)) \(describe($0.uids)))" } ?? ""
    return "qresync(\(known.uidValidity) \(known.modSeq)\(uids)\(match))"
}

private func describe(_ list: ListCommand) -> String {
    let basic = "\(list.reference.debugDescription) \(list.patterns.map(\.debugDescription).joined(separator: ","))"
    guard list.isExtended else { return basic }
    var options: [String] = []
    if list.selection.contains(.subscribed) { options.append("subscribed") }
    if list.selection.contains(.remote) { options.append("remote") }
    if list.selection.contains(.recursiveMatch) { options.append("recursiveMatch") }
    if list.selection.contains(.specialUse) { options.append("specialUse") }
    var returns: [String] = []
    if list.returns.contains(.subscribed) { returns.append("subscribed") }
    if list.returns.contains(.children) { returns.append("children") }
    if list.returns.contains(.specialUse) { returns.append("specialUse") }
    if !list.status.isEmpty { returns.append("status(\(list.status.map(\.rawValue).joined(separator: ",")))") }
    return "\(basic) select(\(options.joined(separator: ","))) return(\(returns.joined(separator: ",")))"
}

private func describe(_ message: AppendedMessage) -> String {
    let date = message.internalDate.map { "\($0.seconds)@\($0.zoneMinutes)" } ?? "NIL"
    return "\(describe(message.flags)) \(date) \(String(buffer: message.bytes).debugDescription)"
}

private func describe(_ returns: SearchReturns) -> String {
    let names: [(SearchReturns.Options, String)] = [
        (.min, "min"), (.max, "max"), (.all, "all"), (.count, "count"), (.save, "save"),
    ]
    let options = names.filter { returns.options.contains($0.0) }.map(\.1)
    return "return(\((options + [returns.partial.map(describe)].compactMap { $0 }).joined(separator: ",")))"
}

private func describe(_ partial: PartialRange) -> String {
    "partial(\(partial.isFromEnd ? "-" : "")\(partial.first):\(partial.last))"
}

private func modifiers(_ fetch: FetchCommand) -> String {
    [fetch.changedSince.map { "changedSince(\($0))" }, fetch.vanished ? "vanished" : nil, fetch.partial.map(describe)]
        .compactMap { $0 }.joined(separator: " ")
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
    if set.isSavedResult { return "$" }
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
    case .modSeq(let modSeq): "modSeq(\(modSeq))"
    case .older(let seconds): "older(\(seconds))"
    case .younger(let seconds): "younger(\(seconds))"
    case .savedBefore(let day): "savedBefore(\(day.daysSince1970))"
    case .savedOn(let day): "savedOn(\(day.daysSince1970))"
    case .savedSince(let day): "savedSince(\(day.daysSince1970))"
    case .saveDateSupported: "saveDateSupported"
    case .emailID(let id): "emailID(\(id))"
    case .threadID(let id): "threadID(\(id))"
    case .header(let field, let value): "header(\(field), \(value.debugDescription))"
    case .body(let text): "body(\(text.debugDescription))"
    case .text(let text): "text(\(text.debugDescription))"
    case .not(let key): "not(\(describe(key)))"
    case .or(let a, let b): "or(\(describe(a)), \(describe(b)))"
    case .and(let keys): "and(\(keys.map(describe).joined(separator: ", ")))"
    }
}
