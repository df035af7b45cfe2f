#!/usr/bin/env python3
"""`varved --demo` in an empty folder: the lines that it prints work just as they are printed."""

import os
import re
import socket

import scenario
import terminal
import wire
from scenario import expect, expect_equal


def check(s, arguments):
    server, lines = start_demo(s)
    with server:
        check_curl(s, [line for line in lines if line.startswith("curl ")])
        mutt = [line for line in lines if re.match("(neo)?mutt ", line)]
        expect(mutt, "varved --demo prints no line for mutt: %r", lines)
        terminal.run(s, ["sh", "-c", mutt[0]], answers=[("Welcome", "q")])
        client = wire.Client(server.port)
        client.login("demo", "demo")
        expect(len(client.command('LIST "" *').of("LIST")) > 2, "the demo has few mailboxes")
        uids = client.command("SELECT INBOX").code("UIDNEXT")
        client.logout()
    s.dump(s.path("demo", "varve-demo", "accounts", "demo"))
    # The second start finds what the first has made.
    server, _ = start_demo(s)
    with server:
        client = wire.Client(server.port)
        client.login("demo", "demo")
        expect_equal(client.command("SELECT INBOX").code("UIDNEXT"), uids, "UIDNEXT after a second start of the demo")
        client.logout()


def check_curl(s, lines):
    expect(lines, "varved --demo prints no line for curl")
    for line in lines:
        done = s.run(["sh", "-c", line])
        expect(done.stdout, "%s prints nothing", line)
    expect("Subject: Welcome" in s.run(["sh", "-c", lines[0]]).stdout, "%s does not print the first message", lines[0])


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def port_is_free(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def start_demo(s):
    """The server, and the command lines that it prints."""
    folder = s.path("demo")
    os.makedirs(folder, exist_ok=True)
    # Someone else on this machine may be trying the demo.
    more = [] if port_is_free(1143) else ["--imap", "127.0.0.1:%d" % free_port()]
    server = scenario.Server(s, ["--demo", *more], cwd=folder).wait_until_listening(1)
    lines = []
    while "Ctrl-C" not in (line := server.process.stdout.readline().decode()):
        expect(line, "varved --demo ended:\n%s", server.log())
        lines.append(line.strip())
    return server, [line for line in lines if re.match(r"(curl|neomutt|mutt) ", line)]


if __name__ == "__main__":
    scenario.main(__doc__, check)
