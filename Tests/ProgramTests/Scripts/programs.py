#!/usr/bin/env python3
"""The command lines, as they are typed: help, users, import and export that go wrong or are interrupted, servers that cannot
start, a server that is asked to stop while it is busy."""

import json
import os
import re
import shutil
import signal
import socket
import time

import mailgen
import scenario
import wire
from scenario import PASSWORD, expect, expect_equal

COMMANDS = [["varved"], ["varve"], ["varve", "user"], ["varve", "user", "add"], ["varve", "user", "passwd"],
            ["varve", "user", "list"], ["varve", "user", "remove"], ["varve", "import"], ["varve", "export"],
            ["varve", "stat"], ["varve", "mailbox"], ["varve", "mailbox", "list"], ["varve", "mailbox", "set"],
            ["varve", "check"], ["varve", "repair"], ["varve", "compact"], ["varve", "backup"],
            ["varve", "restore"], ["varve", "key", "new"], ["varve", "key", "rewrap"], ["varve-dump"],
            ["varve-bench"], ["varve-bench", "engine"], ["varve-bench", "imap"]]


def check(s, arguments):
    check_help(s)
    check_users(s)
    check_start_failures(s)
    check_import_failures(s)
    check_stat_and_dump(s)
    check_mailboxes(s)
    check_interrupted_import(s, arguments.messages)
    check_stop_while_busy(s)


def refused(s, arguments, *words, **options):
    """The program ends with a failure and a message with these words, not with a crash. Returns the message."""
    done = s.run(arguments, status=None, **options)
    text = done.stderr + done.stdout
    what = " ".join(os.path.basename(str(a)) for a in arguments)
    expect(0 < done.returncode < 128, "%s ended with status %d:\n%s", what, done.returncode, scenario.tail(text))
    expect("Fatal error" not in text, "%s crashed:\n%s", what, text)
    for word in words:
        expect(re.search(word, text, re.IGNORECASE), "%s says nothing of /%s/: %s", what, word, text)
    return text


def check_help(s):
    for command in COMMANDS:
        name = " ".join(command)
        text = s.run([s.program(command[0]), *command[1:], "--help"]).stdout
        lines = [line for line in text.splitlines() if not line.startswith("USAGE")]
        example = any(re.match(r"\s*(\$ )?%s( |$)" % name, line) for line in lines)
        expect(example, "%s --help has no example:\n%s", name, text)
    for program in ("varved", "varve-dump", "varve"):
        refused(s, [s.program(program), "--no-such-option"])


def check_users(s):
    data = s.path("users")

    def user(*arguments, **options):
        return s.varve("user", arguments[0], "--data", data, *arguments[1:], **options)

    for name in ("zoe", "alice", "zoë@example.org"):
        user("add", name, "--password-stdin", input="first\n")
    expect_equal(user("list").stdout.split("\n")[:-1], ["alice", "zoe", "zoë@example.org"], "varve user list")
    refused(s, [s.program("varve"), "user", "add", "--data", data, "zoe", "--password-stdin"], "already", input="x\n")
    refused(s, [s.program("varve"), "user", "passwd", "--data", data, "nobody", "--password-stdin"], "nobody", input="x\n")
    refused(s, [s.program("varve"), "user", "remove", "--data", data, "nobody"], "nobody")
    refused(s, [s.program("varve"), "user", "list", "--data", s.path("nowhere")], "nowhere")
    for name in ("../../evil", "..", "a/b", ""):
        # Refused, or kept in its place.
        user("add", name, "--password-stdin", input="x\n", status=None)
        user("remove", name, status=None)
    expect("evil" not in os.listdir(s.path()), "a user's name leads out of the data folder")
    user("passwd", "zoe", "--password-stdin", input="second\n")
    user("remove", "alice")
    expect_equal(user("list").stdout.split(), ["zoe", "zoë@example.org"], "varve user list after remove")
    with s.serve(data) as server:
        for name, password, status in (("zoe", "first", "NO"), ("zoe", "second", "OK"), ("alice", "first", "NO")):
            client = wire.Client(server.port)
            client.login(name, password, status)
            client.close()
        # A change counts at once for a running server.
        user("passwd", "zoe", "--password-stdin", input="third\n")
        client = wire.Client(server.port)
        client.login("zoe", "third")
        client.logout()


def check_start_failures(s):
    data = s.new_data("alice", name="start")
    varved = s.program("varved")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(s, [varved, "--data", data, "--imap", "127.0.0.1:%d" % port], "in use", str(port))
    with s.serve(data):
        refused(s, [varved, "--data", data, "--imap", "127.0.0.1:0"], re.escape(data), "another|already|in use")
    with open(s.path("garbage.pem"), "w") as file:
        file.write("-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n")
    certificate, key = s.certificate()
    for bad_certificate, bad_key in ((s.path("garbage.pem"), key), (certificate, s.path("garbage.pem")),
                                     (s.path("none.pem"), key), (certificate, certificate)):
        refused(s, [varved, "--data", data, "--imaps", "127.0.0.1:0", "--certificate", bad_certificate, "--key", bad_key],
                r"\.pem")
    refused(s, [varved, "--data", data, "--imaps", "127.0.0.1:0"], "certificate")
    refused(s, [varved], "--data")
    refused(s, [varved, "--data", data, "--imap", "127.0.0.1:99999"], "99999")
    refused(s, [varved, "--data", data, "--imap", "192.0.2.1:0"], "192.0.2.1")
    with open(s.path("file"), "w"):
        pass
    refused(s, [varved, "--data", s.path("file"), "--imap", "127.0.0.1:0"], re.escape(s.path("file")))
    if os.geteuid() != 0:
        os.mkdir(s.path("forbidden"), 0o500)
        refused(s, [varved, "--data", s.path("forbidden"), "--imap", "127.0.0.1:0"], "forbidden")
    else:
        print("a data folder without rights: not tried, root may do everything")


def check_import_failures(s):
    data = s.new_data("alice", name="failures")
    varve = s.program("varve")
    mailgen.write_mbox(mailgen.generate(5, s.seed), s.path("five.mbox"))
    five = ["--mbox", s.path("five.mbox")]
    refused(s, [varve, "import", "--data", data, "--user", "nobody", *five], "nobody")
    refused(s, [varve, "import", "--data", data, "--user", "alice", "--mbox", s.path("none.mbox")], "none.mbox")
    refused(s, [varve, "import", "--data", data, "--user", "alice", "--maildir", s.path("five.mbox")], "five.mbox")
    refused(s, [varve, "import", "--data", data, "--user", "alice"], "mbox")
    with open(s.path("no.mbox"), "wb") as file:
        file.write(b"This is no mbox.\n" * 100)
    refused(s, [varve, "import", "--data", data, "--user", "alice", "--mbox", s.path("no.mbox")], "no.mbox")
    with s.serve(data) as server:
        client = wire.Client(server.port)
        client.login("alice", PASSWORD)
        status = client.command("STATUS INBOX (MESSAGES)").of("STATUS")[0].data
        expect_equal(status[1][1], 0, "messages after refused imports")
        # The server has the account open: two writers would be one too many.
        refused(s, [varve, "import", "--data", data, "--user", "alice", *five], "in use|locked|open|served")
        client.logout()
    s.varve("import", "--data", data, "--user", "alice", "--mailbox", "New/Box", *five)
    s.check_store(data, "alice")


def check_stat_and_dump(s):
    data = s.new_data("alice", name="stat")
    mails = mailgen.generate(200, s.seed)
    mailgen.write_mbox(mails, s.path("stat.mbox"))
    s.varve("import", "--data", data, "--user", "alice", "--mbox", s.path("stat.mbox"))
    expect("200" in s.varve("stat", "--data", data, "--user", "alice").stdout, "varve stat does not say 200 messages")
    stat = json.loads(s.varve("stat", "--data", data, "--user", "alice", "--json").stdout)
    expect(200 in leaves(stat), "varve stat --json has no 200: %r", stat)
    account = os.path.join(data, "accounts", "alice")
    with s.serve(data) as server:
        client = wire.Client(server.port)
        client.login("alice", PASSWORD)
        client.command("SELECT INBOX")
        client.command("STORE 1:9 +FLAGS (\\Deleted)")
        # Beside a live server.
        dump = json.loads(s.dump("--json", account).stdout)
        expect(dump, "varve-dump --json is empty")
        client.logout()
    for arguments in (["--tree", "uid", account], ["--message", "INBOX:5", account], [os.path.join(account, "superblock")],
                      [os.path.join(account, "index")], [os.path.join(account, "segments", segment(account))]):
        expect(s.dump(*arguments).stdout.strip(), "varve-dump %s says nothing", " ".join(arguments))
    refused(s, [s.program("varve-dump"), s.path("nowhere")], "nowhere")
    # A byte in the middle of the log goes wrong: that is seen.
    damaged = s.path("damaged")
    shutil.copytree(account, damaged)
    with open(os.path.join(damaged, "segments", segment(account)), "r+b") as file:
        file.seek(100_000)
        byte = file.read(1)
        file.seek(100_000)
        file.write(bytes([byte[0] ^ 0x40]))
    done = s.dump(damaged, status=None)
    expect_equal(done.returncode, 2, "varve-dump's status for a damaged store")
    expect("damage" in done.stdout, "varve-dump does not name the damage")


def segment(account):
    return sorted(os.listdir(os.path.join(account, "segments")))[0]


def leaves(value):
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return [value]
    return [leaf for item in value for leaf in leaves(item)]


def contents(s, data, user):
    """The messages of INBOX, exported."""
    path = s.path("contents.mbox")
    s.varve("export", "--data", data, "--user", user, "--mailbox", "INBOX", "--mbox", path)
    found = [content for _, content in mailgen.read_mbox(path)]
    # Export overwrites nothing.
    refused(s, [s.program("varve"), "export", "--data", data, "--user", user, "--mbox", path], "contents.mbox")
    os.remove(path)
    return found


def check_mailboxes(s):
    """What mailboxes are for and how they are synchronised: by the tool, and of those that a server makes."""
    data = s.new_data("alice", name="modes")
    whose = ["--data", data, "--user", "alice"]
    with s.serve(data, "--sync", "no-modseq") as server:
        client = wire.Client(server.port)
        client.login("alice", PASSWORD)
        client.command("CREATE Chats/One")
        client.logout()
    listed = {box["name"]: box for box in json.loads(s.varve("mailbox", "list", *whose, "--json").stdout)}
    expect_equal({name: box["sync"] for name, box in listed.items()},
                 {"INBOX": "no-modseq", "Chats": "no-modseq", "Chats/One": "no-modseq"}, "modes of new mailboxes")
    made = json.loads(s.varve("mailbox", "set", *whose, "--mailbox", "Chats/One", "--sync", "no-expunge-log",
                              "--special-use", "\\Archive", "--special-use", "\\important", "--json").stdout)
    expect_equal(made, {"name": "Chats/One", "sync": "no-expunge-log", "specialUse": ["\\Archive", "\\Important"],
                        "messages": 0}, "what was set")
    expect_equal(s.varve("mailbox", "set", *whose, "--mailbox", "inbox", "--sync", "full").stdout, "", "output without --json")
    with s.serve(data) as server:
        client = wire.Client(server.port)
        client.login("alice", PASSWORD)
        client.command("CREATE Later")
        client.logout()
    expect_equal(s.varve("mailbox", "list", *whose).stdout.splitlines(),
                 ["Chats\tno-modseq", "Chats/One\tno-expunge-log\t\\Archive\t\\Important", "INBOX\tfull", "Later\tfull"],
                 "the list of mailboxes")
    s.varve("mailbox", "set", *whose, "--mailbox", "Chats/One", "--special-use", "none")
    listed = json.loads(s.varve("mailbox", "list", *whose, "--json").stdout)
    expect_equal([box["specialUse"] for box in listed], [[], [], [], []], "uses that were taken away")
    change = [s.program("varve"), "mailbox", "set", *whose]
    refused(s, change + ["--mailbox", "Gone", "--sync", "full"], "no mailbox Gone", "varve mailbox list")
    refused(s, change + ["--mailbox", "INBOX"], "--sync or --special-use")
    refused(s, change + ["--mailbox", "INBOX", "--sync", "some"], "no-expunge-log")
    refused(s, change + ["--mailbox", "INBOX", "--special-use", "Sent"], "no special use", "Sent")
    refused(s, [s.program("varved"), "--data", data, "--sync", "some"], "no-expunge-log")


def check_interrupted_import(s, count):
    """SIGINT in the middle leaves nothing or all; after kill -9 the same import, once more, brings each message once."""
    data = s.new_data("whole", name="interrupted")
    mails = mailgen.generate(count, s.seed + 7, {"plain", "utf8", "attachment", "nested"})
    expected = [mail.bytes for mail in mails]
    mailgen.write_mbox(mails, s.path("many.mbox"))
    s.varve("import", "--data", data, "--user", "whole", "--mbox", s.path("many.mbox"))
    expect_equal(contents(s, data, "whole"), expected, "messages of an import that nothing interrupted")
    size = log_bytes(data, "whole")
    for how in (signal.SIGINT, signal.SIGKILL):
        user = interrupt_import(s, data, size, how)
        found = contents(s, data, user)
        expect(not found or found == expected, "%s during an import leaves %d of %d messages", how.name, len(found), count)
        if not found:
            s.varve("import", "--data", data, "--user", user, "--mbox", s.path("many.mbox"))
        expect_equal(contents(s, data, user), expected, "messages of an import after an interrupted one")
        s.check_store(data, user)


def interrupt_import(s, data, size, how):
    """Sends the signal to an import when its log has part of the `size` that it will have. Returns the user."""
    for share in (0.6, 0.4, 0.2, 0.05):
        # It may have been through before the signal came: then once more, earlier.
        user = "%s%d" % (how.name.lower(), share * 100)
        s.varve("user", "add", "--data", data, user, "--password-stdin", input="x\n")
        with open(s.path("import.log"), "wb") as log:
            process = s.start([s.program("varve"), "import", "--data", data, "--user", user, "--mbox", s.path("many.mbox")],
                              stdout=log, stderr=log)
            while process.poll() is None and log_bytes(data, user) < size * share:
                time.sleep(0.001)
            process.send_signal(how)
            status = process.wait(scenario.PATIENCE)
        if status != 0:
            return user
    raise scenario.Failure("no import was interrupted: make it longer with --messages")


def log_bytes(data, user):
    segments = os.path.join(data, "accounts", user, "segments")
    try:
        return sum(os.stat(os.path.join(segments, name)).st_size for name in os.listdir(segments))
    except FileNotFoundError:
        return 0  # It has not begun.


def check_stop_while_busy(s):
    """SIGTERM while a long answer is on its way: it comes whole, or the session ends with BYE; an idle session gets BYE; a
    client that takes nothing does not hold the server."""
    data = s.new_data("alice", name="busy")
    mails = mailgen.generate(400, s.seed + 9, {"large", "attachment"})
    mailgen.write_mbox(mails, s.path("busy.mbox"))
    s.varve("import", "--data", data, "--user", "alice", "--mbox", s.path("busy.mbox"))
    for stuck in (False, True):
        server = s.serve(data)
        busy, idle = wire.Client(server.port), wire.Client(server.port)
        for client in (busy, idle):
            client.login("alice", PASSWORD)
            client.command("SELECT INBOX")
        idle_tag = idle.start("IDLE")
        idle.until_continuation(idle_tag)
        tag = busy.start("FETCH 1:* (BODY.PEEK[])")
        busy.response()
        server.process.send_signal(signal.SIGTERM)
        idle_end = [idle.response()]
        expect(isinstance(idle_end[0], wire.Untagged) and idle_end[0].kind == "BYE", "IDLE ends without BYE: %r", idle_end)
        if not stuck:
            responses, response = [], busy.response()
            while isinstance(response, wire.Untagged) and response.kind != "BYE":
                responses.append(response)
                response = busy.response()
            if isinstance(response, tuple):
                expect(response[:2] == (tag, "OK"), "the long FETCH ended with %r", response)
                expect_equal(len(responses), len(mails) - 1, "messages of the long FETCH")
        server.stop(timeout=30)
        busy.close()
        idle.close()
    s.check_store(data, "alice")


if __name__ == "__main__":
    scenario.main(__doc__, check, lambda parser: parser.add_argument(
        "--messages", type=int, default=2500, help="of the import that is interrupted"))
