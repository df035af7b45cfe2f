#!/usr/bin/env python3
"""How fast the care of an account is: check, backup (copied, linked, with nothing new), verify, restore, and a compaction
after four of five messages were expunged; beside plain copying of the same files, synced, in the same run.

    swift build -c release
    python3 Benchmarks/care_speed.py --bin .build/release --messages 40000
"""

import json
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Tests", "ProgramTests", "Scripts"))

import mailgen  # noqa: E402
import scenario  # noqa: E402
import wire  # noqa: E402


def disk_bytes(folder):
    return sum(
        os.path.getsize(os.path.join(path, name)) for path, _, names in os.walk(folder) for name in names)


def measure(s, arguments):
    data = s.new_data("alice", "bob")
    mbox = s.path("in.mbox")
    mailgen.write_mbox(mailgen.generate(arguments.messages, s.seed), mbox)
    account = ["--data", data, "--user", "alice"]
    s.varve("import", "--mbox", mbox, *account)
    os.remove(mbox)
    folder = os.path.join(data, "accounts", "alice")
    size = disk_bytes(os.path.join(folder, "segments"))
    seconds = {}

    def timed(step, body):
        os.sync()
        started = time.monotonic()
        body()
        seconds[step] = time.monotonic() - started

    def copy():
        shutil.copytree(folder, s.path("copy"))
        for path, _, names in os.walk(s.path("copy")):
            for name in names:
                with open(os.path.join(path, name), "rb") as file:
                    os.fsync(file.fileno())

    def varve(*words):
        return lambda: s.varve(*words, timeout=3600)

    timed("cp and fsync", copy)
    shutil.rmtree(s.path("copy"))
    timed("backup, copied", varve("backup", "--to", s.path("r"), "--copy", *account))
    timed("backup, nothing new", varve("backup", "--to", s.path("r"), "--copy", *account))
    timed("backup, linked", varve("backup", "--to", s.path("linked"), *account))
    timed("backup --verify", varve("backup", "--to", s.path("r"), "--verify"))
    timed("restore", varve("restore", "--from", s.path("r"), "--data", data, "--user", "bob"))
    timed("check", varve("check", *account))
    shutil.rmtree(s.path("linked"))
    with s.serve(data) as server:
        client = wire.Client(server.port)
        client.login("alice", scenario.PASSWORD)
        client.command("SELECT INBOX")
        client.command("UID STORE 1:%d +FLAGS.SILENT (\\Deleted)" % (arguments.messages * 4 // 5))
        client.command("CLOSE")
        client.logout()
    timed("compact", varve("compact", *account))
    after = disk_bytes(os.path.join(folder, "segments"))
    s.varve("check", *account)
    if arguments.json:
        print(json.dumps({"messages": arguments.messages, "bytes": size, "bytes_after": after, "seconds": seconds}))
        return
    print("%d messages, log of %.1f MB, %.1f MB after the compaction" % (arguments.messages, size / 1e6, after / 1e6))
    for step, value in seconds.items():
        print("  %-20s %6.2f s %8.1f MB/s" % (step, value, size / value / 1e6))


def options(parser):
    parser.add_argument("--messages", type=int, default=40_000)
    parser.add_argument("--json", action="store_true", help="the result as a JSON object, alone on standard output")


if __name__ == "__main__":
    scenario.main(__doc__, measure, options)
