#!/usr/bin/env python3
"""Backups of an account that varved serves while clients change it; restores to their end and to points in time; backups that
are killed, damaged, pruned."""

import datetime
import json
import os
import shutil
import signal
import threading
import time

import mailgen
import scenario
import wire
from programs import refused
from scenario import PASSWORD, expect, expect_equal


def check(s, arguments):
    data = s.new_data("alice", "bob")
    mailgen.write_mbox(mailgen.generate(arguments.messages, s.seed, {"plain", "attachment", "utf8"}), s.path("in.mbox"))
    s.varve("import", "--data", data, "--user", "alice", "--mbox", s.path("in.mbox"))
    repository = s.path("repository")
    points = check_live_backups(s, data, repository, arguments.messages)
    check_restores(s, data, repository, points)
    check_killed_backups(s, data, repository)
    check_damage(s, repository)
    check_pruning(s, data, repository)


def backup(s, data, repository, *more):
    """Makes a backup of alice's account. Returns what the program says of it."""
    return json.loads(s.varve("backup", "--data", data, "--user", "alice", "--to", repository, "--json", *more).stdout)


def listed(s, repository):
    return json.loads(s.varve("backup", "--to", repository, "--list", "--json").stdout)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


class Writer:
    """Appends, flags and expunges in a mailbox of its own until it is told to stop."""

    def __init__(self, port):
        self.port, self.acknowledged, self.error = port, 0, None
        self.is_stopped = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            client = wire.Client(self.port)
            client.login("alice", PASSWORD)
            client.command("CREATE Live")
            client.command("SELECT Live")
            while not self.is_stopped.is_set():
                number = self.acknowledged + 1
                client.append("Live", b"Subject: live %d\r\n\r\n%s\r\n" % (number, b"x" * (number * 37 % 5000)))
                self.acknowledged = number
                if number % 7 == 0:
                    client.command("UID STORE %d +FLAGS (\\Flagged)" % number)
                time.sleep(0.002)
            client.logout()
        except Exception as error:  # Reported by the main thread.
            self.error = error

    def stop(self):
        self.is_stopped.set()
        self.thread.join()
        expect(self.error is None, "the writer failed: %r", self.error)


def status(port, user, box):
    """MESSAGES, UIDNEXT and UIDVALIDITY of a mailbox."""
    client = wire.Client(port)
    client.login(user, PASSWORD)
    data = client.command("STATUS %s (MESSAGES UIDNEXT UIDVALIDITY)" % box).of("STATUS")[0].data[1]
    client.logout()
    return dict(zip(data[::2], data[1::2]))


def check_live_backups(s, data, repository, count):
    """Returns (id, how many messages of Live were acknowledged before it, its time) of each backup."""
    points = []
    with s.serve(data) as server:
        writer = Writer(server.port)
        while writer.acknowledged < 5 and writer.error is None:
            time.sleep(0.01)
        for round in range(4):
            before = writer.acknowledged
            report = backup(s, data, repository, "--verify")
            expect_equal(report["backup"]["label"], "alice", "label")
            points.append((report["backup"]["id"], before, now()))
            target = before + 20
            while writer.acknowledged < target and writer.error is None:
                time.sleep(0.01)
        writer.stop()
        final = backup(s, data, repository)["backup"]
        last = status(server.port, "alice", "Live")
        expect_equal(last["MESSAGES"], writer.acknowledged, "messages of Live")
        inbox = status(server.port, "alice", "INBOX")
        expect_equal(inbox["MESSAGES"], count, "messages of INBOX")
    expect_equal([entry["id"] for entry in listed(s, repository)], [point[0] for point in points] + [final["id"]], "list")
    s.varve("backup", "--to", repository, "--verify", "--all")
    points.append((final["id"], writer.acknowledged, now()))
    points.sort()
    expect_equal([entry["modseq"] for entry in listed(s, repository)],
                 sorted(entry["modseq"] for entry in listed(s, repository)), "modseqs of the backups")
    return points


def check_restores(s, data, repository, points):
    """Each backup has what was acknowledged before it; a restored account serves; clients are told to begin anew."""
    varve = s.program("varve")
    restore = ["restore", "--from", repository, "--data", data]
    refused(s, [varve, *restore, "--user", "alice"], "already")
    refused(s, [varve, *restore, "--user", "nobody"], "nobody")
    refused(s, [varve, *restore, "--user", "bob", "--modseq", "99999999"], "99999999")
    refused(s, [varve, *restore, "--user", "bob", "--time", "2001-01-01"], "horizon")
    refused(s, [varve, *restore, "--user", "bob", "--time", "yesterday"], "yesterday")
    refused(s, [varve, *restore, "--user", "bob", "--modseq", "3", "--keep-uidvalidity"], "UIDVALIDITY")
    with s.serve(data) as server:
        old = status(server.port, "alice", "Live")
        for number, (identity, acknowledged, _) in enumerate(points):
            user = "copy%d" % number
            s.varve("user", "add", "--data", data, user, "--password-stdin", input=PASSWORD + "\n")
            # Beside a running server: the account is there all at once.
            s.varve(*restore, "--user", user, "--id", identity)
            found = status(server.port, user, "Live")
            expect(found["MESSAGES"] >= acknowledged, "backup %s has %d messages, %d were acknowledged before",
                   identity, found["MESSAGES"], acknowledged)
            expect(found["UIDVALIDITY"] > old["UIDVALIDITY"], "UIDVALIDITY %d after %d", found["UIDVALIDITY"], old["UIDVALIDITY"])
            expect_equal(found["UIDNEXT"], found["MESSAGES"] + 1, "UIDNEXT")
            client = wire.Client(server.port)
            client.login(user, PASSWORD)
            client.append("Live", b"Subject: after\r\n\r\nthe restore\r\n")
            client.command("SELECT Live")
            items = client.command("FETCH 1:* (UID BODY.PEEK[])").fetches
            for item in items[:-1]:
                uid = item.items["UID"]
                expect(item.items["BODY[]"].startswith(b"Subject: live %d\r\n" % uid), "message %d of %s", uid, user)
            client.logout()
    # To the end, moved: nothing is new to clients. The same for the state of half the way, by time and by modseq.
    s.varve("restore", "--from", repository, "--store", s.path("moved"), "--keep-uidvalidity")
    s.dump("--bodies", s.path("moved"))
    half = points[len(points) // 2][2].isoformat()
    by_time = json.loads(s.varve("restore", "--from", repository, "--store", s.path("half"), "--time", half, "--json").stdout)
    modseq = by_time["modseq"]
    by_modseq = json.loads(s.varve("restore", "--from", repository, "--store", s.path("half2"), "--modseq", str(modseq),
                                   "--json").stdout)
    for key in ("modseq", "messages", "mailboxes", "time"):
        expect_equal(by_modseq[key], by_time[key], key)
    expect(by_time["messages"] > 0 and modseq < listed(s, repository)[-1]["modseq"], "not half the way: %r", by_time)
    for name in ("moved", "half", "half2"):
        s.varve("backup", "--store", s.path(name), "--to", s.path("repository-" + name), "--verify")


def check_killed_backups(s, data, repository):
    """kill -9 at any moment: what was there is there, and the next backup works."""
    before = listed(s, repository)
    log = open(s.path("backup.log"), "wb")
    for number in range(12):
        target = s.path("killed") if number < 6 else repository
        arguments = ["backup", "--data", data, "--user", "alice", "--to", target, *(["--copy"] if number % 2 else [])]
        process = s.start([s.program("varve"), *arguments], stdout=log, stderr=log)
        time.sleep(s.random.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait(scenario.PATIENCE)
    log.close()
    for target in (s.path("killed"), repository):
        backup(s, data, target)
        for entry in listed(s, target):
            expect("problem" not in entry, "a half-finished backup is listed: %r", entry)
        s.varve("backup", "--to", target, "--verify", "--all")
    expect_equal(listed(s, repository)[:len(before)], before, "backups made before")


def check_damage(s, repository):
    damaged = s.path("damaged")
    shutil.copytree(repository, damaged)
    objects = os.path.join(damaged, "objects")
    # The largest file.
    name = max((n for n in os.listdir(objects)), key=lambda n: os.stat(os.path.join(objects, n)).st_size)
    with open(os.path.join(objects, name), "r+b") as file:
        file.seek(1000)
        byte = file.read(1)
        file.seek(1000)
        file.write(bytes([byte[0] ^ 1]))
    text = refused(s, [s.program("varve"), "backup", "--to", damaged, "--verify", "--all"], "SHA-256")
    expect(name in text, "the damaged file is not named: %s", text)
    found = s.varve("backup", "--to", damaged, "--verify", "--all", "--json", status=1)
    expect(any(entry["problems"] for entry in json.loads(found.stdout)), "no problem in JSON: %s", found.stdout)
    manifest = sorted(os.listdir(os.path.join(damaged, "backups")))[0]
    with open(os.path.join(damaged, "backups", manifest), "a") as file:
        file.write("more\n")
    expect("problem" in listed(s, damaged)[0], "a changed manifest is listed as sound")
    refused(s, [s.program("varve"), "backup", "--to", damaged, "--prune", "--keep", "1"], "nothing is pruned")


def check_pruning(s, data, repository):
    count = len(listed(s, repository))
    report = json.loads(s.varve("backup", "--to", repository, "--prune", "--keep", "2", "--json").stdout)
    expect_equal(len(report["removed"]), count - 2, "backups removed")
    expect_equal(len(listed(s, repository)), 2, "backups left")
    s.varve("backup", "--to", repository, "--verify", "--all")
    again = json.loads(s.varve("backup", "--to", repository, "--prune", "--keep", "2", "--json").stdout)
    expect_equal((again["removed"], again["files"]), ([], 0), "a second pruning")
    # The account's folder is gone; its backup is not.
    shutil.rmtree(os.path.join(data, "accounts", "alice"))
    s.varve("backup", "--to", repository, "--verify")
    s.varve("restore", "--from", repository, "--data", data, "--user", "alice")
    s.check_store(data, "alice")


if __name__ == "__main__":
    scenario.main(__doc__, check, lambda parser: parser.add_argument("--messages", type=int, default=300))
