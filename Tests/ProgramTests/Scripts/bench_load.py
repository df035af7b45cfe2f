#!/usr/bin/env python3
"""`varve-bench imap` on a small load: every row is measured, the answers hold, and nothing is left of it; a server that cannot be
reached and one that answers wrongly are told apart."""

import json
import os
import socket
import threading

import scenario
import wire
from scenario import PASSWORD, expect, expect_equal

ROWS = {
    "append": "seconds", "append-many": "perSecond", "append-apart": "perSecond", "fetch-flags": "seconds", "fetch-envelopes": "seconds",
    "fetch-body": "seconds", "fetch-body-many": "perSecond", "search-flags": "seconds", "search-subject": "seconds",
    "changedsince": "seconds", "qresync": "seconds", "store-one": "seconds", "store-all": "seconds", "expunge": "seconds",
    "list-status": "seconds", "idle": "seconds", "mixed": "perSecond", "memory": "bytes",
}
SMALL = ["--messages", "1000", "--mailboxes", "20", "--connections", "3", "--idlers", "5", "--repetitions", "1"]


def check(s, arguments):
    with s.serve(s.new_data("alice")) as server:
        page = s.path("page.html")
        place = "Varve=127.0.0.1:%d" % server.port
        user = ["--user", "alice", "--password", PASSWORD]
        run = bench(s, place, *user, *SMALL, "--process", "Varve=%d" % server.process.pid, "--json", "--html", page)
        report = json.loads(run.stdout)
        found = {row["id"]: row for row in report["rows"]}
        expect_equal({name: row["unit"] for name, row in found.items()}, ROWS, "the rows and their units")
        for name, row in found.items():
            # So few sessions may need no more memory than is there.
            expect(row["figures"]["Varve"]["repetitions"][0] > 0 or name == "memory", "%s: %r", name, row)
        with open(page) as file:
            text = file.read()
        expect("LIST RETURN (STATUS) of 20 mailboxes" in text and "</html>" in text, "no page:\n%s", text[:500])
        client = wire.Client(server.port)
        client.login("alice", PASSWORD)
        left = client.command('LIST "" "*"').untagged
        expect_equal(len(left), 1, "mailboxes that are left beside INBOX: %r" % left)
        client.close()
        some = bench(s, place, *user, *SMALL, "--rows", "flags,idle").stdout
        expect("FETCH 1:* (UID FLAGS) of 1000" in some and "APPEND of" not in some, "other rows:\n%s", some)
        wrong = bench(s, place, "--user", "alice", "--password", "wrong", *SMALL, status=2)
        expect("Varve: LOGIN" in wrong.stderr, "no reason: %s", wrong.stderr)
    expect("no answer at 127.0.0.1" in bench(s, place, *user, *SMALL, status=2).stderr, "a server that is gone")
    refused = bench(s, place, *user, "--process", "Other=1", status=None)
    expect(refused.returncode not in (0, 1, 2) and "Other=1" in refused.stderr, "no refusal: %s", refused.stderr)
    liar(s, user)


def liar(s, user):
    """A server that says of a mailbox that it is empty, whatever was appended."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=lie, args=(listener,), daemon=True).start()
    run = bench(s, "127.0.0.1:%d" % listener.getsockname()[1], *user, *SMALL, "--rows", "append", status=1)
    expect("a wrong answer: 0 of 100 appended messages are there" in run.stderr, "no complaint: %s", run.stderr)
    listener.close()


def lie(listener):
    connection, _ = listener.accept()
    with connection, connection.makefile("rwb", buffering=0) as stream:
        stream.write(b"* OK\r\n")
        for line in stream:
            tag, command = line.split()[:2]
            if command == b"APPEND":
                size = int(line.rsplit(b"{")[1].rstrip(b"+}\r\n"))
                if b"+}" not in line:
                    stream.write(b"+ go on\r\n")
                while size:
                    size -= len(stream.read(size))
                stream.readline()
            answers = {b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n", b"STATUS": b"* STATUS x (MESSAGES 0)\r\n"}
            stream.write(answers.get(command, b"") + tag + b" OK\r\n")


def bench(s, *options, status=0):
    return s.run([s.program("varve-bench"), "imap", *options], status=status)


if __name__ == "__main__":
    scenario.main(__doc__, check)
