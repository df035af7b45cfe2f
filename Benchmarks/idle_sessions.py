#!/usr/bin/env python3
"""Memory of varved with many idle sessions that have a mailbox selected; with --idle also how soon all of them hear of a
new message.

    swift build -c release
    python3 Benchmarks/idle_sessions.py --bin .build/release --messages 10000 --sessions 1000
    python3 Benchmarks/idle_sessions.py --bin .build/release --messages 100000 --sessions 5000 --idle

RSS and PSS are the server's own, from /proc/PID/smaps_rollup: with one session, and with all of them after a while. The
mapped index counts in RSS; what a session costs is in the private bytes. The time to hear of a message counts from the
first byte of its APPEND, includes its sync to the disk, and this program's own work with so many sockets.
"""

import base64
import hashlib
import json
import os
import re
import resource
import selectors
import statistics
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Tests", "ProgramTests", "Scripts"))

import filling  # noqa: E402
import scenario  # noqa: E402
import wire  # noqa: E402

# Logins at one time: each costs a password check.
LOGINS = 8
# Messages of which the sessions hear.
HEARD = 5


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


def cheapen_password(data):
    """The least that a password's check may cost, so that thousands of logins take seconds: they are not what is measured."""
    salt, users = os.urandom(16), os.path.join(data, "users")
    key = hashlib.scrypt(scenario.PASSWORD.encode(), salt=salt, n=1 << 10, r=8, p=1, dklen=32)
    encoded = "$".join(base64.b64encode(part).decode().rstrip("=") for part in (salt, key))
    with open(users) as file:
        text = file.read()
    changed, count = re.subn(r"\$scrypt\$\S*", lambda _: "$scrypt$ln=10,r=8,p=1$" + encoded, text)
    scenario.expect(count == 1, "no password in %s", users)
    with open(users, "w") as file:
        file.write(changed)


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


def time_until_heard(port, sessions, count):
    """Seconds from the APPEND of a message until half of the sessions, and all, were told that there are so many."""
    told = b"* %d EXISTS\r\n" % count
    writer = wire.Client(port)
    writer.login("alice", scenario.PASSWORD)
    received = {}
    with selectors.DefaultSelector() as selector:
        for client in sessions:
            selector.register(client.socket, selectors.EVENT_READ)
        started = time.monotonic()
        tag = writer.tag()
        message = filling.message(count)
        writer.send(b"%s APPEND INBOX {%d+}\r\n%s\r\n" % (tag.encode(), len(message), message))
        half = None
        while len(selector.get_map()):
            ready = selector.select(scenario.PATIENCE)
            scenario.expect(ready, "%d sessions hear nothing", len(selector.get_map()))
            for key, _ in ready:
                text = received.get(key.fd, b"") + key.fileobj.recv(65536)
                received[key.fd] = text
                if told in text:
                    selector.unregister(key.fileobj)
            if half is None and len(selector.get_map()) <= len(sessions) // 2:
                half = time.monotonic() - started
        seconds = time.monotonic() - started
    writer.finish(tag, "APPEND")
    writer.logout()
    return {"half": half, "all": seconds}


def measure(s, arguments):
    raise_file_limit(arguments.sessions + 200)
    data = s.new_data("alice")
    cheapen_password(data)
    filling.write_mbox(s.path("in.mbox"), arguments.messages)
    s.varve("import", "--data", data, "--user", "alice", "--mbox", s.path("in.mbox"), timeout=3600)
    os.remove(s.path("in.mbox"))
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
        heard = None
        if arguments.idle:
            heard = [time_until_heard(server.port, sessions, arguments.messages + number + 1) for number in range(HEARD)]
        report(arguments, {
            "messages": arguments.messages, "sessions": arguments.sessions, "idle": arguments.idle,
            "seconds_to_open": round(opened, 2), "one_session": before, "all_sessions": at_once,
            "all_sessions_later": after, "bytes_per_session": {k: round(v) for k, v in per_session.items()},
            "seconds_until_all_hear": heard, "after_they_heard": memory(server.process.pid)})
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
    if result["seconds_until_all_hear"]:
        for part in ("half", "all"):
            values = sorted(value[part] for value in result["seconds_until_all_hear"])
            print("  %s hear of a message after %.1f ms (median; %.1f … %.1f)" % (
                {"half": "half of them", "all": "all of them"}[part], statistics.median(values) * 1e3, values[0] * 1e3,
                values[-1] * 1e3))
        print("  private afterwards   %7.1f MiB" % (result["after_they_heard"]["private"] / 2**20))


def options(parser):
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--wait", type=float, default=5, help="seconds before the last look")
    parser.add_argument("--idle", action="store_true", help="the sessions are in IDLE")
    parser.add_argument("--json", action="store_true", help="the result as a JSON object, alone on standard output")


if __name__ == "__main__":
    scenario.main(__doc__, measure, options)
