#!/usr/bin/env python3
"""Memory of varved with many idle sessions that have a mailbox selected.

    swift build -c release
    python3 Benchmarks/idle_sessions.py --bin .build/release --messages 10000 --sessions 1000

RSS and PSS are the server's own, from /proc/PID/smaps_rollup: with one session, and with all of them after a while. The
mapped index counts in RSS; what a session costs is in the private bytes.
"""

import json
import os
import resource
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Tests", "ProgramTests", "Scripts"))

import mailgen  # noqa: E402
import scenario  # noqa: E402
import wire  # noqa: E402

# Logins at one time: each costs a password check.
LOGINS = 8


def memory(process_id):
    """Bytes by name: rss, pss, private."""
    sizes = {}
    with open("/proc/%d/smaps_rollup" % process_id) as file:
        for line in file.read().splitlines()[1:]:
            name, value = line.split(":")
            sizes[name] = int(value.split()[0]) * 1024
    return {"rss": sizes["Rss"], "pss": sizes["Pss"], "private": sizes["Private_Dirty"] + sizes["Private_Clean"]}


def raise_file_limit(needed):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        wanted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        scenario.expect(wanted >= needed, "only %d files may be open, %d are needed", wanted, needed)


def open_session(port, command):
    client = wire.Client(port)
    client.login("alice", scenario.PASSWORD)
    client.command("SELECT INBOX")
    if command:
        client.until_continuation(client.start(command))
    return client


def open_sessions(port, count, command):
    sessions, errors = [], []

    def work(share):
        try:
            for _ in range(share):
                sessions.append(open_session(port, command))
        except Exception as error:
            errors.append(error)

    shares = [count // LOGINS + (i < count % LOGINS) for i in range(LOGINS)]
    threads = [threading.Thread(target=work, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    scenario.expect(not errors, "a session could not be opened: %r", errors[:1])
    return sessions


def measure(s, arguments):
    raise_file_limit(arguments.sessions + 200)
    data = s.new_data("alice")
    mailgen.write_mbox(mailgen.generate(arguments.messages, s.seed), s.path("in.mbox"))
    s.varve("import", "--data", data, "--user", "alice", "--mbox", s.path("in.mbox"), timeout=3600)
    with s.serve(data) as server:
        command = "IDLE" if arguments.idle else None
        first = open_session(server.port, command)
        time.sleep(2)
        before = memory(server.process.pid)
        started = time.monotonic()
        sessions = open_sessions(server.port, arguments.sessions, command)
        opened = time.monotonic() - started
        at_once = memory(server.process.pid)
        time.sleep(arguments.wait)
        after = memory(server.process.pid)
        per_session = {name: (after[name] - before[name]) / arguments.sessions for name in after}
        report(arguments, {
            "messages": arguments.messages, "sessions": arguments.sessions, "idle": arguments.idle,
            "seconds_to_open": round(opened, 2), "one_session": before, "all_sessions": at_once,
            "all_sessions_later": after, "bytes_per_session": {k: round(v) for k, v in per_session.items()}})
        for client in sessions + [first]:
            client.close()


def report(arguments, result):
    if arguments.json:
        print(json.dumps(result))
        return
    print("%(messages)d messages, %(sessions)d sessions, opened in %(seconds_to_open).1f s" % result)
    for name in ("one_session", "all_sessions", "all_sessions_later"):
        print("  %-20s RSS %7.1f MiB   PSS %7.1f MiB   private %7.1f MiB" % (
            name.replace("_", " "), *(result[name][k] / 2**20 for k in ("rss", "pss", "private"))))
    print("  per session          RSS %7.1f KiB   PSS %7.1f KiB   private %7.1f KiB" % tuple(
        result["bytes_per_session"][k] / 1024 for k in ("rss", "pss", "private")))


def options(parser):
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--wait", type=float, default=5, help="seconds before the last look")
    parser.add_argument("--idle", action="store_true", help="the sessions are in IDLE")
    parser.add_argument("--json", action="store_true", help="the result as a JSON object, alone on standard output")


if __name__ == "__main__":
    scenario.main(__doc__, measure, options)
