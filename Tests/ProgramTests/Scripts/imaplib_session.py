#!/usr/bin/env python3
"""Sessions as mail programs have them, with Python's imaplib and on raw sockets: the commands of RFC 3501 and of the
extensions, IDLE over two connections, pipelining, TLS, wrong passwords, and ten connections that change one mailbox at once."""

import base64
import imaplib
import socket
import ssl
import time

import crowd
import mailgen
import scenario
import wire
from scenario import PASSWORD, expect, expect_equal


def check(s, arguments):
    certificate = s.certificate()
    data = s.new_data("alice", "crowd")
    with s.serve(data, tls=certificate) as server:
        check_mailboxes(server)
        check_messages(s, server)
        check_two_connections(server)
        check_idle(server)
        check_pipelining(server)
        check_tls(server, certificate[0])
        check_wrong_password(server)
        check_strange_clients(server)
        crowd.check(s, server, "crowd", arguments.operations)
    s.check_store(data, "alice")
    s.check_store(data, "crowd")


def log_in(server):
    client = imaplib.IMAP4("127.0.0.1", server.port)
    client.login("alice", PASSWORD)
    return client


def ok(answer, what):
    """The data of an imaplib answer that has to be OK."""
    expect(answer[0] == "OK", "%s: %r", what, answer)
    return answer[1]


def names(client, pattern="*"):
    found = [line for line in ok(client.list('""', pattern), "LIST") if line]
    return sorted(line.decode().split('"/" ')[1].strip('"') for line in found)


def check_mailboxes(server):
    client = log_in(server)
    for word in "IMAP4REV1 UIDPLUS IDLE NAMESPACE ID UNSELECT CHILDREN SASL-IR ENABLE MOVE LITERAL+".split():
        expect(word in ok(client.capability(), "CAPABILITY")[0].decode().upper().split(), "%s is not a capability", word)
    ok(client.noop(), "NOOP")
    ok(client.namespace(), "NAMESPACE")
    expect_equal(names(client), ["INBOX"], "mailboxes of a new account")
    for name in ("Archive/2026/Q1", "Drafts", "Entw&APw-rfe", '"Two words"'):
        ok(client.create(name), "CREATE " + name)
    expect_equal(names(client, "Archive*"), ["Archive", "Archive/2026", "Archive/2026/Q1"], "LIST Archive*")
    expect_equal(names(client, "%"), ["Archive", "Drafts", "Entw&APw-rfe", "INBOX", "Two words"], "LIST %")
    expect_equal(client.create("Drafts")[0], "NO", "CREATE of what is there")
    expect_equal(client.create("INBOX")[0], "NO", "CREATE INBOX")
    ok(client.subscribe("Archive/2026"), "SUBSCRIBE")
    expect(b"Archive/2026" in ok(client.lsub(), "LSUB")[0], "LSUB does not name what was subscribed to")
    ok(client.rename("Archive/2026", "Old/2026"), "RENAME")
    expect("Old/2026/Q1" in names(client) and "Archive/2026" not in names(client), "RENAME: %r", names(client))
    ok(client.unsubscribe("Archive/2026"), "UNSUBSCRIBE")
    ok(client.delete("Old/2026/Q1"), "DELETE")
    expect_equal(client.delete("Old/2026/Q1")[0], "NO", "DELETE of what is gone")
    expect_equal(client.delete("INBOX")[0], "NO", "DELETE INBOX")
    expect_equal(client.select("nowhere")[0], "NO", "SELECT of what is not there")
    status = ok(client.status("INBOX", "(MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)"), "STATUS")[0]
    expect(b"MESSAGES 0" in status and b"UIDNEXT 1" in status, "STATUS of an empty mailbox: %r", status)
    client.logout()


def check_messages(s, server):
    client = log_in(server)
    ok(client.select("INBOX"), "SELECT")
    # imaplib's append makes a line end of every CR, so only messages without stray ones come back as they were.
    mails = mailgen.generate(30, s.seed + 1, mailgen.SAFE)
    for index, mail in enumerate(mails):
        flags = "(%s)" % " ".join(sorted(mail.flags - {"\\Deleted"}))
        data = ok(client.append("INBOX", flags, imaplib.Time2Internaldate(mail.date), mail.wire), "APPEND")
        expect(b"APPENDUID" in data[0], "no APPENDUID: %r", data)
        fetched = ok(client.uid("FETCH", str(index + 1), "(BODY.PEEK[])"), "UID FETCH")
        expect_equal(fetched[0][1], mail.wire, "message %d" % (index + 1))
    flagged = [i + 1 for i, mail in enumerate(mails) if "\\Flagged" in mail.flags]
    expect_equal([int(n) for n in ok(client.search(None, "FLAGGED"), "SEARCH")[0].split()], flagged, "SEARCH FLAGGED")
    expect_equal(len(ok(client.uid("SEARCH", "UID 5:10 NOT DELETED"), "UID SEARCH")[0].split()), 6, "UID SEARCH")
    ok(client.store("2:4", "+FLAGS", "(\\Deleted $Label1)"), "STORE")
    flags = b"".join(ok(client.fetch("3", "(FLAGS)"), "FETCH"))
    expect(b"\\Deleted" in flags and b"$Label1" in flags, "flags after STORE: %r", flags)
    expect_equal(ok(client.search(None, "KEYWORD $Label1"), "SEARCH")[0], b"2 3 4", "SEARCH KEYWORD")
    ok(client.store("4", "-FLAGS.SILENT", "(\\Deleted)"), "STORE")
    numbers = [int(number) for number in ok(client.expunge(), "EXPUNGE")]
    expect_equal(without(range(1, 31), numbers), [1, *range(4, 31)], "EXPUNGE %r" % numbers)
    expect_equal(ok(client.search(None, "ALL"), "SEARCH")[0].split()[-1], b"28", "last sequence number")
    expect(b"COPYUID" in ok(client.copy("1:2", "Drafts"), "COPY")[0], "COPY without COPYUID")
    ok(client.uid("COPY", "5,7", "Drafts"), "UID COPY")
    expect_equal(client.copy("1", "nowhere")[0], "NO", "COPY to nowhere")
    # MOVE is not in imaplib's list of commands.
    imaplib.Commands.setdefault("MOVE", ("SELECTED",))
    ok(client.xatom("MOVE", "1", "Drafts"), "MOVE")
    ok(client.uid("MOVE", "6,8", "Drafts"), "UID MOVE")
    ok(client.noop(), "NOOP")
    expect_equal(len(ok(client.search(None, "ALL"), "SEARCH")[0].split()), 25, "messages after MOVE")
    # CLOSE expunges, and tells nothing of it.
    ok(client.uid("STORE", "10,11", "+FLAGS.SILENT", "(\\Deleted)"), "UID STORE")
    ok(client.close(), "CLOSE")
    expect_equal(int(ok(client.select("Drafts", readonly=True), "EXAMINE")[0]), 7, "messages in Drafts")
    expect(client.store("1", "+FLAGS", "(\\Seen)")[0] == "NO", "STORE in an examined mailbox")
    ok(client.unselect() if hasattr(client, "unselect") else client.xatom("UNSELECT"), "UNSELECT")
    expect_equal(int(ok(client.select("INBOX"), "SELECT")[0]), 23, "messages after CLOSE")
    ok(client.check(), "CHECK")
    client.logout()


def without(uids, numbers):
    """What is left of the messages after EXPUNGE responses with these numbers, each of which counts what is left so far."""
    uids = list(uids)
    for number in numbers:
        del uids[number - 1]
    return uids


def check_two_connections(server):
    """What one does the other is told, and when RFC 3501 lets it be told."""
    one, two = wire.Client(server.port), wire.Client(server.port)
    for client in (one, two):
        client.login("alice", PASSWORD)
        client.command("SELECT INBOX")
    uids = one.command("UID SEARCH ALL").of("SEARCH")[0].data
    one.command("STORE 2,3 +FLAGS.SILENT (\\Deleted)")
    one.command("EXPUNGE")
    # Neither FETCH nor STORE nor SEARCH may tell of an expunge; the numbers are those of before.
    answer = two.command("FETCH 1:* (UID)")
    expect(not answer.of("EXPUNGE"), "EXPUNGE in answer to FETCH: %r", answer.untagged)
    expect_equal([(item.number, item.items["UID"]) for item in answer.fetches if "FLAGS" not in item.items],
                 list(enumerate(uids, 1)), "UIDs before the expunge is told")
    answer = two.command("SEARCH ALL")
    expect(not answer.of("EXPUNGE"), "EXPUNGE in answer to SEARCH")
    answer = two.command("NOOP")
    numbers = [item.number for item in answer.of("EXPUNGE")]
    expect_equal(without(uids, numbers), uids[:1] + uids[3:], "EXPUNGE in answer to NOOP: %r" % numbers)
    one.command("STORE 1 FLAGS (\\Flagged $Seen)")
    answer = two.command("NOOP")
    expect_equal([(item.number, item.flags - {"\\Recent"}) for item in answer.fetches], [(1, {"\\Flagged", "$Seen"})],
                 "flags told to the other")
    for client in (one, two):
        client.logout()


def check_idle(server):
    idler, other = wire.Client(server.port), wire.Client(server.port)
    for client in (idler, other):
        client.login("alice", PASSWORD)
        client.command("SELECT INBOX")
    count = len(other.command("SEARCH ALL").of("SEARCH")[0].data)
    tag = idler.start("IDLE")
    idler.until_continuation(tag)
    idler.socket.settimeout(scenario.PATIENCE)
    other.append("INBOX", b"Subject: new\r\n\r\nnew\r\n")
    responses = [idler.untagged_response()]
    while not any(item.kind == "EXISTS" and item.number == count + 1 for item in responses):
        responses.append(idler.untagged_response())
    other.command("NOOP")
    other.command("STORE %d +FLAGS (\\Deleted)" % (count + 1))
    while not any(item.kind == "FETCH" and "\\Deleted" in item.flags for item in responses):
        responses.append(idler.untagged_response())
    other.command("EXPUNGE")
    while not any(item.kind == "EXPUNGE" and item.number == count + 1 for item in responses):
        responses.append(idler.untagged_response())
    idler.send(b"DONE\r\n")
    idler.finish(tag, "IDLE")
    idler.command("NOOP")
    for client in (idler, other):
        client.logout()


def check_pipelining(server):
    """Many commands in one write, a literal among them, and the answers come in order; also byte by byte."""
    client = wire.Client(server.port)
    lines = [b'a1 LOGIN alice {%d+}\r\n%s\r\n' % (len(PASSWORD), PASSWORD.encode()), b"a2 SELECT INBOX\r\n"]
    for number in range(3, 60):
        lines.append(b"a%d %s\r\n" % (number, [b"NOOP", b"UID FETCH 1:* (FLAGS)", b"UID SEARCH ALL", b"NONSENSE",
                                               b"STATUS Drafts (MESSAGES)", b"FETCH 1 (BODY.PEEK[])"][number % 6]))
    message = b"Subject: pipelined\r\n\r\nx\r\n"
    lines.append(b"a60 APPEND Drafts {%d+}\r\n%s\r\n" % (len(message), message))
    client.send(b"".join(lines))
    for number in range(1, 61):
        status = "BAD" if number > 2 and number % 6 == 3 and number < 60 else "OK"
        answer = client.finish("a%d" % number, "pipelined command %d" % number, status=status)
        expect_equal(answer.status, status, "command %d" % number)
    for byte in b"b1 noop\r\nb2 append Drafts () {3}\r\n":
        client.send(bytes([byte]))
    client.finish("b1")
    client.until_continuation("b2")
    for byte in b"abc\r\nb3 lOgOuT\r\n":
        client.send(bytes([byte]))
    client.finish("b2")
    client.finish("b3")
    client.close()


def check_tls(server, certificate):
    context = wire.trusting_context(certificate)
    client = imaplib.IMAP4("127.0.0.1", server.port)
    expect("STARTTLS" in client.capabilities, "STARTTLS is not a capability: %r", client.capabilities)
    ok(client.starttls(context), "STARTTLS")
    client.login("alice", PASSWORD)
    expect("STARTTLS" not in ok(client.capability(), "CAPABILITY")[0].decode(), "STARTTLS is offered under TLS")
    ok(client.select("INBOX"), "SELECT")
    client.logout()
    client = wire.Client(server.tls_port, tls=context)
    client.command(b"AUTHENTICATE PLAIN " + base64.b64encode(b"\0alice\0" + PASSWORD.encode()))
    sent = mailgen.crlf(mailgen.Generator(3).large().bytes)
    client.append("Drafts", sent)
    client.command("SELECT Drafts")
    got = client.command("FETCH * (BODY.PEEK[])").fetches[0].items["BODY[]"]
    expect_equal(got, sent, "large message under TLS")
    client.logout()
    # Whoever does not trust the certificate gets no session, and the server lives on.
    try:
        wire.Client(server.tls_port, tls=ssl.create_default_context())
        raise scenario.Failure("a self-signed certificate was trusted")
    except ssl.SSLError:
        pass
    # A command sent along with STARTTLS, in the clear, must not be taken for protected.
    client = wire.Client(server.port)
    client.send(b"x STARTTLS\r\ny NOOP\r\n")
    received = b""
    client.socket.settimeout(5)
    try:
        while chunk := client.socket.recv(4096):
            received += chunk
    except (TimeoutError, ConnectionError):
        pass
    expect(b"y OK" not in received, "a command injected before TLS was answered: %r", received)
    client.close()


def check_wrong_password(server):
    """A wrong password costs time, more each time, and after a few the connection ends with BYE."""
    client = wire.Client(server.port)
    started = time.monotonic()
    failures = 0
    while True:
        tag = client.start("LOGIN %s wrong" % ("alice" if failures % 2 else "nobody"))
        responses = []
        try:
            while not isinstance(response := client.response(), tuple):
                responses.append(response)
        except ConnectionError:
            response = None
        failures += 1
        if any(item.kind == "BYE" for item in responses) or response is None:
            break
        expect(response[0] == tag and response[1] == "NO", "wrong password: %r", response)
        expect(failures < 10, "ten wrong passwords are taken")
    expect(failures > 1, "one wrong password ends the connection")
    expect(time.monotonic() - started > 1, "wrong passwords are answered at once")
    client.close()
    client = wire.Client(server.port)
    client.login("alice", PASSWORD)
    client.logout()


def check_strange_clients(server):
    """Clients that speak another protocol, or leave in the middle."""
    client_hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256))
    for nonsense in (b"GET / HTTP/1.0\r\n\r\n", client_hello, b"\r\n" * 500,
                     b"a LOGIN {99999999999999999999}\r\n", b"a " + b"(" * 100_000 + b"\r\n", b"x" * 100_000,
                     b"a LOGIN alice {20+}\r\nshort", b'a LOGIN "unclosed\r\n', b"a APPEND INBOX {4294967295+}\r\n"):
        connection = socket.create_connection(("127.0.0.1", server.port), 10)
        try:
            connection.sendall(nonsense)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
        except TimeoutError:
            raise scenario.Failure("the server keeps a connection that has ended after %r" % nonsense[:40]) from None
        except ConnectionError:
            pass  # The server need not listen to the end of such.
        connection.close()
    for leave_after in (b"a LOGIN alice {%d+}\r\n%s\r\n" % (len(PASSWORD), PASSWORD.encode()),
                        b"b SELECT INBOX\r\n", b"c FETCH 1:* BODY[]\r\n", b"d IDLE\r\n"):
        client = wire.Client(server.port)
        client.login("alice", PASSWORD)
        client.command("SELECT INBOX")
        client.send(leave_after)
        client.close()
    client = wire.Client(server.port)
    client.login("alice", PASSWORD)
    client.logout()


def options(parser):
    parser.add_argument("--operations", type=int, default=150, help="of each of the ten clients")


if __name__ == "__main__":
    scenario.main(__doc__, check, options)
