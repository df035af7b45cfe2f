import NIOCore

extension CommandParser {
    /// What a complete command says, and where in its bytes APPEND's messages lie.
    struct Reading {
        var event: Event
        var messages: [Range<Int>]

        init(_ event: Event, messages: [Range<Int>] = []) {
            self.event = event
            self.messages = messages
        }
    }

    /// Reads a complete command.
    /// - Parameter bytes: without the last line end.
    /// - Complexity: O(bytes), literals not looked at in vain.
    static func read(_ bytes: UnsafeRawBufferPointer, limits: ParserLimits) -> Reading {
        guard !bytes.isEmpty else { return Reading(.bad(tag: nil, text: "an empty line is no command")) }
        var cursor = Cursor(bytes, maximumNesting: limits.maximumNesting)
        guard let tag = cursor.tag() else {
            return Reading(.bad(tag: nil, text: "expected a tag at the beginning of a line"))
        }
        var name = ""
        do throws(Refusal) {
            try cursor.space(before: "a command after the tag")
            name = try cursor.word("a command after the tag")
            if name == "APPEND" {
                let (append, messages) = try MessageArguments.append(&cursor)
                try cursor.end()
                return Reading(.command(TaggedCommand(tag: tag, command: .append(append))), messages: messages)
            }
            let arguments: CommandTable.Arguments?
            if name == "UID" {
                try cursor.space(before: "one of COPY, EXPUNGE, FETCH, MOVE, SEARCH, STORE")
                let second = try cursor.word("one of COPY, EXPUNGE, FETCH, MOVE, SEARCH, STORE")
                name += " " + second
                arguments = CommandTable.uidCommands[second]
            } else {
                arguments = CommandTable.commands[name]
            }
            guard let arguments else { return Reading(.command(TaggedCommand(tag: tag, command: .unknown(name)))) }
            let command = try arguments(&cursor)
            try cursor.end()
            return Reading(.command(TaggedCommand(tag: tag, command: command)))
        } catch {
            switch error {
            case .bad(let text): return Reading(.bad(tag: tag, text: name.isEmpty ? text : "\(name): \(text)"))
            case .unknownCharset(let saves): return Reading(.badCharset(tag: tag, saves: saves))
            }
        }
    }

    /// The beginning of a command whose first line announces a literal, as far as the framing must know it.
    struct Beginning {
        var tag: String?
        var isAppend = false
        /// Where the command's arguments begin.
        var arguments = 0

        init() {}

        init(_ line: UnsafeRawBufferPointer) {
            var cursor = Cursor(line, maximumNesting: 0)
            tag = cursor.tag()
            guard tag != nil, cursor.takes(.space) else { return }
            isAppend = cursor.takes(word: "APPEND") && cursor.takes(.space)
            arguments = cursor.position
        }
    }
}

extension Cursor {
    /// tag (RFC 3501 §9): ASTRING-CHARs but `+`; nil if there is none.
    fileprivate mutating func tag() -> String? {
        let bytes = takeWhile { $0.isAStringCharacter && $0 != .plus }
        guard !bytes.isEmpty, isAtEnd || next == .space else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
