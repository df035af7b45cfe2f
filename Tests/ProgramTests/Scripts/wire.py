"""An IMAP client that takes a server at its word: responses are parsed by the letter of RFC 3501 §9, and anything else is a
failure. Nothing is hidden from the caller, neither the order of responses nor their bytes.

    client = wire.Client(port)
    client.login("alice", "secret")
    answer = client.command("SELECT INBOX")
    for item in answer.untagged: ...
"""

import re
import socket
import ssl

from scenario import expect

TIMEOUT = 60


class Atom(str):
    """An unquoted word: an atom, a flag, the name of a FETCH item."""

    def __repr__(self):
        return str(self)


class Untagged:
    """`number`: as in `* 5 EXISTS`, otherwise None. `kind`: upper case. `data`: the parsed rest; for OK, NO, BAD, BYE and
    PREAUTH the text."""

    def __init__(self, kind, number, data):
        self.kind = kind
        self.number = number
        self.data = data

    def __repr__(self):
        return "* %s%s %r" % ("" if self.number is None else "%d " % self.number, self.kind, self.data)

    @property
    def items(self):
        """A FETCH response's items: name in upper case to value."""
        pairs = self.data[0]
        expect(isinstance(pairs, list) and len(pairs) % 2 == 0, "FETCH without pairs: %r", self)
        names = [str(name).upper() for name in pairs[::2]]
        expect(len(set(names)) == len(names), "FETCH repeats an item: %r", names)
        return dict(zip(names, pairs[1::2]))

    @property
    def flags(self):
        return frozenset(flag for flag in self.items["FLAGS"])


class Answer:
    """How a command was answered: its untagged responses in their order, and the tagged one."""

    def __init__(self, command, untagged, status, text):
        self.command = command
        self.untagged = untagged
        self.status = status
        self.text = text

    def of(self, kind):
        return [item for item in self.untagged if item.kind == kind]

    @property
    def fetches(self):
        return self.of("FETCH")

    def code(self, name):
        """The arguments of a response code, wherever it is: `[UIDNEXT 5]` → "5"; None if there is none."""
        for text in [self.text] + [item.data for item in self.untagged if item.kind in STATUSES]:
            found = re.match(r"\[%s(?: ([^\]]*))?\]" % re.escape(name), text, re.IGNORECASE)
            if found:
                return found.group(1) or ""
        return None


STATUSES = ("OK", "NO", "BAD", "BYE", "PREAUTH")


class Client:
    def __init__(self, port, host="127.0.0.1", tls=None):
        """`tls`: an SSLContext for implicit TLS."""
        self.socket = socket.create_connection((host, port), TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.file = self.socket.makefile("rb")
        self.serial = 0
        self.greeting = self.untagged_response()
        expect(self.greeting.kind in ("OK", "PREAUTH"), "greeting: %r", self.greeting)

    # Sending

    def tag(self):
        self.serial += 1
        return "t%d" % self.serial

    def send(self, data):
        self.socket.sendall(data)

    def start(self, command):
        """Sends a command and does not wait. Returns its tag."""
        tag = self.tag()
        if isinstance(command, str):
            command = command.encode()
        self.send(tag.encode() + b" " + command + b"\r\n")
        return tag

    def command(self, command, status="OK"):
        """Sends a command, waits for its end. `status` None: whatever it is."""
        return self.finish(self.start(command), command, status)

    def append(self, mailbox, data, flags=(), date=None, status="OK", plus=False):
        tag = self.tag()
        more = "(%s) " % " ".join(flags) + ('"%s" ' % date if date else "")
        line = "%s APPEND %s %s{%d%s}\r\n" % (tag, mailbox, more, len(data), "+" if plus else "")
        self.send(line.encode())
        if not plus:
            untagged = self.until_continuation(tag)
            if isinstance(untagged, Answer):
                return untagged
        self.send(data + b"\r\n")
        return self.finish(tag, "APPEND " + mailbox, status)

    def login(self, user, password, status="OK"):
        return self.command('LOGIN "%s" "%s"' % (user, password), status)

    def start_tls(self, context):
        self.command("STARTTLS")
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.file = self.socket.makefile("rb")

    def close(self):
        self.file.close()
        self.socket.close()

    def logout(self):
        answer = self.command("LOGOUT")
        expect(answer.of("BYE"), "LOGOUT without BYE: %r", answer.untagged)
        expect(self.file.read(1) == b"", "the connection stays open after LOGOUT")
        self.close()

    # Receiving

    def finish(self, tag, command="", status="OK"):
        """Takes responses up to the tagged one of `tag`."""
        untagged = []
        while True:
            response = self.response()
            if isinstance(response, Untagged):
                untagged.append(response)
                continue
            expect(response[0] == tag, "%s: response to %s instead of %s", command, response[0], tag)
            answer = Answer(command, untagged, response[1], response[2])
            if status is not None:
                expect(answer.status == status, "%s: %s %s %r", printable(command), answer.status, answer.text, untagged[:5])
            return answer

    def until_continuation(self, tag):
        """Takes responses up to "+"; returns the untagged ones, or the Answer if the command ended instead."""
        untagged = []
        while True:
            response = self.response(allow_continuation=True)
            if response is None:
                return untagged
            if isinstance(response, Untagged):
                untagged.append(response)
            else:
                expect(response[0] == tag, "response to %s", response[0])
                return Answer("", untagged, response[1], response[2])

    def untagged_response(self):
        response = self.response()
        expect(isinstance(response, Untagged), "untagged response expected: %r", response)
        return response

    def line(self):
        line = self.file.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the server has closed the connection")
        expect(line.endswith(b"\r\n"), "line without CRLF: %r", line[-80:])
        line = line[:-2]
        expect(b"\r" not in line and b"\n" not in line and b"\0" not in line, "CR, LF or NUL within a line: %r", line[:200])
        return line

    def response(self, allow_continuation=False):
        """The next response: Untagged, or (tag, status, text); None for "+"."""
        pieces = [self.line()]
        if pieces[0].startswith(b"+"):
            expect(allow_continuation and pieces[0][1:2] == b" ", "unexpected continuation: %r", pieces[0])
            return None
        while True:
            literal = re.search(rb"\{(\d+)\}$", pieces[-1])
            if not literal or re.match(rb"\S+ (OK|NO|BAD|BYE|PREAUTH) ", pieces[0]):
                break
            size = int(literal.group(1))
            data = self.file.read(size)
            if len(data) != size:
                raise ConnectionError("the server has closed the connection within a literal")
            pieces[-1] = pieces[-1][:literal.start()]
            pieces += [data, self.line()]
        first = pieces[0].split(b" ", 2)
        expect(len(first) >= 2, "response too short: %r", pieces[0])
        if first[0] != b"*":
            expect(first[1] in (b"OK", b"NO", b"BAD"), "tagged response: %r", pieces[0])
            return first[0].decode(), first[1].decode(), first[2].decode() if len(first) > 2 else ""
        kind, number = first[1].decode(), None
        if kind.isdigit():
            number = int(kind)
            expect(kind == str(number), "number with leading zeros: %r", pieces[0])
            kind = first[2].split(b" ", 1)[0].decode()
        kind = kind.upper()
        if kind in STATUSES:
            return Untagged(kind, None, first[2].decode() if len(first) > 2 else "")
        skip = pieces[0].upper().index(kind.encode()) + len(kind)
        return Untagged(kind, number, Parser(pieces, skip).all())


class Parser:
    """Values of a response: None for NIL, int, Atom, bytes for a string, list for what is in parentheses."""

    def __init__(self, pieces, at):
        # Lines and literals take turns.
        self.pieces = pieces
        self.piece = 0
        self.at = at

    def all(self):
        values = []
        while True:
            text = self.pieces[self.piece]
            if self.at == len(text) and self.piece == len(self.pieces) - 1:
                return values
            expect(text[self.at:self.at + 1] == b" ", "space expected: %r at %d", text, self.at)
            self.at += 1
            if self.at == len(text) and self.piece == len(self.pieces) - 1 and not values:
                return values  # SEARCH without results may end with a space.
            values.append(self.value(0))

    def value(self, depth):
        expect(depth < 500, "response nested too deeply")
        text = self.pieces[self.piece]
        if self.at == len(text):
            expect(self.piece + 1 < len(self.pieces), "value expected: %r", text[-100:])
            literal = self.pieces[self.piece + 1]
            self.piece += 2
            self.at = 0
            return literal
        byte = text[self.at:self.at + 1]
        if byte == b"(":
            return self.list(depth)
        if byte == b'"':
            return self.quoted(text)
        return self.atom(text)

    def list(self, depth):
        self.at += 1
        values = []
        while True:
            text = self.pieces[self.piece]
            if text[self.at:self.at + 1] == b")":
                self.at += 1
                return values
            # Bodies of a multipart and addresses stand beside each other without a space (RFC 3501 §9).
            if values:
                beside = isinstance(values[-1], list) and text[self.at:self.at + 1] == b"("
                if text[self.at:self.at + 1] == b" ":
                    self.at += 1
                else:
                    expect(beside, "space expected: %r at %d", text[max(0, self.at - 60):self.at + 20], self.at)
            values.append(self.value(depth + 1))

    def quoted(self, text):
        found = re.compile(rb'"((?:[^"\\]|\\["\\])*)"').match(text, self.at)
        expect(found, "bad quoted string: %r", text[self.at:self.at + 100])
        expect(found.group(1).isascii(), "8-bit byte in a quoted string (RFC 3501 §9, TEXT-CHAR): %r", found.group(1)[:200])
        self.at = found.end()
        return re.sub(rb'\\(["\\])', rb"\1", found.group(1))

    def atom(self, text):
        # A FETCH item's section may have spaces and parentheses within its brackets.
        found = re.compile(rb'(?:\\\*|\\?[^\x00-\x20\x7f-\xff(){%*"\\\]\[]+)(?:\[[^\]]*\](?:<\d+>)?)?').match(text, self.at)
        expect(found, "atom expected: %r", text[self.at:self.at + 100])
        self.at = found.end()
        word = found.group().decode()
        if word.upper() == "NIL":
            return None
        if word.isdigit():
            expect(word == str(int(word)), "number with leading zeros: %s", word)
            return int(word)
        return Atom(word)


def printable(command):
    text = command if isinstance(command, str) else command.decode("latin-1")
    return text if len(text) < 200 else text[:200] + "…"


def trusting_context(certificate):
    """TLS that trusts this certificate and nothing else."""
    return ssl.create_default_context(cafile=certificate)
