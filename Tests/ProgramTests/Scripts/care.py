#!/usr/bin/env python3
"""The care of accounts, as an operator types it: check, compaction, damage, an account that is read-only while others go on,
an index that is built anew, repair into a new store; all of it also for an encrypted account."""

import glob
import json
import os
import re
import shutil

import mailgen
import scenario
import wire
from programs import refused
from scenario import PASSWORD, expect, expect_equal


def check(s, arguments):
    key = s.path("master.key")
    s.varve("key", "new", key)
    refused(s, [s.program("varve"), "key", "new", key], "exist|there is")
    for more in ([], ["--key-file", key]):
        data = s.new_data("alice", "bob")
        folder = os.path.join(data, "accounts", "alice")
        messages = mailgen.generate(arguments.messages, s.seed, {"plain", "attachment", "utf8"})
        mailgen.write_mbox(messages, s.path("in.mbox"))
        for user in ("alice", "bob"):
            s.varve("import", "--data", data, "--user", user, "--mbox", s.path("in.mbox"), *more)
        expect_equal(bool(glob.glob(os.path.join(folder, "key"))), bool(more), "whether there is a file 'key'")
        if more:
            check_secrecy(s, data, folder, messages)
        check_compaction(s, data, folder, more)
        check_rebuilt_index(s, data, folder, more)
        check_damage(s, data, folder, more)
        shutil.rmtree(data)


def bodies(s, data, user, more):
    """All messages of INBOX, sorted."""
    out = s.path("out.mbox")
    if os.path.exists(out):
        os.remove(out)
    s.varve("export", "--data", data, "--user", user, "--mailbox", "INBOX", "--mbox", out, *more)
    with open(out, "rb") as file:
        return file.read()


def is_sound(s, data, user, more):
    report = json.loads(s.varve("check", "--data", data, "--user", user, "--json", *more).stdout)
    expect(report["sound"], "check finds %r", report)
    return report


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 16]))


def check_secrecy(s, data, folder, messages):
    """Nothing of a message, and no name, stands in the files in the clear; without the key, and with another one, nothing
    is opened."""
    word = max((line for line in messages[0].bytes.splitlines() if line.isascii()), key=len)[:40]
    for path in glob.glob(os.path.join(folder, "**"), recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                content = file.read()
            expect(word not in content and b"INBOX" not in content, "%s holds text in the clear", path)
    stat = [s.program("varve"), "stat", "--data", data, "--user", "alice"]
    refused(s, stat, "key")
    other = s.path("other.key")
    s.varve("key", "new", other)
    refused(s, stat + ["--key-file", other], "key")
    s.varve("key", "rewrap", "--data", data, "--user", "alice", "--key-file", s.path("master.key"), "--new-key-file", other)
    refused(s, stat + ["--key-file", s.path("master.key")], "key")
    s.varve("stat", "--data", data, "--user", "alice", "--key-file", other)
    s.varve("key", "rewrap", "--data", data, "--user", "alice", "--key-file", other, "--new-key-file", s.path("master.key"))
    os.remove(other)


def check_compaction(s, data, folder, more):
    is_sound(s, data, "alice", more)
    with s.serve(data, *more) as server:
        client = wire.Client(server.port)
        client.login("alice", PASSWORD)
        client.command("SELECT INBOX")
        client.command("STORE 1:* +FLAGS (\\Seen)")
        client.command("CREATE Gone")
        client.command("UID COPY 1:* Gone")
        client.command("UID STORE 1:10 +FLAGS (\\Deleted)")
        client.command("EXPUNGE")
        client.command("DELETE Gone")
        client.logout()
    before = bodies(s, data, "alice", more)
    size = sum(os.path.getsize(path) for path in glob.glob(os.path.join(folder, "segments", "*")))
    report = json.loads(s.varve("compact", "--data", data, "--user", "alice", "--remember-expunges", "0", "--json", *more).stdout)
    expect(isinstance(report, dict), "varve compact says %r", report)
    after = sum(os.path.getsize(path) for path in glob.glob(os.path.join(folder, "segments", "*")))
    if not more:
        boxes = s.run([s.program("varve-dump"), "--messages", "--json", folder]).stdout
        floors = [int(found) for found in re.findall(r'"vanishedFloor": *(\d+)', boxes)]
        expect(max(floors) > 0, "no mailbox forgot what was expunged: %r", floors)
    # Of so little nothing may be worth copying; what is forgotten takes a commit.
    expect(after <= size + 512, "compaction made %d bytes of %d", after, size)
    expect_equal(bodies(s, data, "alice", more), before, "mail after a compaction")
    is_sound(s, data, "alice", more)


def check_rebuilt_index(s, data, folder, more):
    before = bodies(s, data, "alice", more)
    index = os.path.join(folder, "index")
    stride = 4160 if more else 4096
    for page in range(1, os.path.getsize(index) // stride):
        flip(index, page * stride + 40)
    text = s.run([s.program("varve"), "check", "--data", data, "--user", "alice", *more], status=1).stdout
    expect("varve repair --index" in text, "check says of a damaged index: %s", text)
    s.varve("repair", "--index", "--data", data, "--user", "alice", *more)
    expect_equal(bodies(s, data, "alice", more), before, "mail after the index was built anew")
    is_sound(s, data, "alice", more)


def check_damage(s, data, folder, more):
    before = bodies(s, data, "alice", more)
    segment = sorted(glob.glob(os.path.join(folder, "segments", "*.seg")))[0]
    flip(segment, 64 + 5000)
    # Without an index all of the log is read at the opening, and the damage is met there.
    os.remove(os.path.join(folder, "index"))
    text = s.run([s.program("varve"), "check", "--data", data, "--user", "alice", *more], status=1).stdout
    expect(os.path.basename(segment) in text and "varve repair" in text, "check says of a damaged segment: %s", text)
    with s.serve(data, *more) as server:
        server.expected = "account is damaged"
        damaged = wire.Client(server.port)
        answer = damaged.login("alice", PASSWORD)
        opened = damaged.command("SELECT INBOX")
        whole = wire.Client(server.port)
        whole.login("bob", PASSWORD)
        whole.command("SELECT INBOX")
        whole.command("STORE 1 +FLAGS (\\Flagged)")
        expect("READ-ONLY" in opened.text, "a damaged account's INBOX is selected with %r", opened.text)
        said = " ".join(repr(line.data) for line in answer.untagged) + answer.text
        expect("ALERT" in said, "a damaged account opens with %r", said)
        damaged.command("STORE 1 +FLAGS (\\Flagged)", status="NO")
        damaged.append("INBOX", b"Subject: x\r\n\r\n", status="NO")
        damaged.logout()
        whole.logout()
    new = s.path("repaired")
    done = s.run([s.program("varve"), "repair", "--data", data, "--user", "alice", "--into", new, "--json", *more], status=None)
    expect(done.returncode in (0, 1), "repair ended with %d: %s", done.returncode, done.stderr)
    expect(os.path.getsize(segment) > 0, "the damaged store is still there")
    shutil.rmtree(folder)
    shutil.move(new, folder)
    is_sound(s, data, "alice", more)
    saved = bodies(s, data, "alice", more)
    expect(len(saved) > len(before) // 2, "of %d bytes of mail %d were saved", len(before), len(saved))


if __name__ == "__main__":
    scenario.main(__doc__, check, lambda parser: parser.add_argument("--messages", type=int, default=60))
