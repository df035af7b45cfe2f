#!/usr/bin/env python3
"""What thousands of mailboxes cost: their creation over IMAP, in one connection without waiting for each; their bytes on
disk; and LIST with the STATUS of each, beside what loopback alone needs to bring as many bytes.

    swift build -c release
    python3 Benchmarks/many_mailboxes.py --bin .build/release --mailboxes 20000
"""

import json
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Tests", "ProgramTests", "Scripts"))

import rawimap  # noqa: E402
import scenario  # noqa: E402

LIST = 'LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ))'
PLAIN_LIST = 'LIST "" "*"'
WARM = 3


def sizes(account):
    """Bytes on disk of the log and of the index, what is allocated ahead of need included, and the files' lengths."""
    used = {"segments": 0, "index": 0}
    for path, _, names in os.walk(account):
        for name in names:
            part = "segments" if os.path.basename(path) == "segments" else name
            if part in used:
                used[part] += os.stat(os.path.join(path, name)).st_blocks * 512
    return used


def stopped(s, data, body):
    """The account's sizes after the server has ended in good order, with `body` done before that."""
    with s.serve(data) as server:
        client = rawimap.Client(server.port, "alice", scenario.PASSWORD)
        result = body(client)
        client.close()
    return sizes(os.path.join(data, "accounts", "alice")), result


def create(client, count):
    started = time.perf_counter()
    client.pipeline(b"CREATE many/%03d/%03d" % divmod(number, 100) for number in range(count))
    return time.perf_counter() - started


def list_all(client, repeat):
    """Median seconds and bytes of both forms of LIST."""
    result = {}
    for name, command in (("list", PLAIN_LIST), ("list_status", LIST)):
        runs = [client.timed(command) for _ in range(WARM + repeat)][WARM:]
        seconds = [run[0] for run in runs]
        size = len(runs[0][1])
        result[name] = {"median_s": statistics.median(seconds), "min_s": min(seconds), "max_s": max(seconds), "bytes": size,
                        "mailboxes": runs[0][1].count(b"* LIST "), "statuses": runs[0][1].count(b"* STATUS "),
                        "loopback_s": rawimap.exchange(size)}
    return result


def measure(s, arguments):
    data = s.new_data("alice")
    before, _ = stopped(s, data, lambda client: None)
    after, seconds = stopped(s, data, lambda client: create(client, arguments.mailboxes))
    _, lists = stopped(s, data, lambda client: list_all(client, arguments.repeat))
    for name, expected in (("mailboxes", "list"), ("statuses", "list_status")):
        scenario.expect(lists[expected][name] >= arguments.mailboxes, "%s tells of too few: %r", expected, lists[expected])
    made = lists["list"]["mailboxes"] - 1
    result = {
        "mailboxes": made, "seconds_to_create": seconds, "creations_per_second": made / seconds,
        "bytes_per_mailbox": {part: (after[part] - before[part]) / made for part in after}, **lists}
    if arguments.json:
        print(json.dumps(result))
        return
    print("%d mailboxes made in %.2f s, %.0f in a second" % (made, seconds, made / seconds))
    print("  on disk for each: %.0f bytes of log, %.0f of index" % (
        result["bytes_per_mailbox"]["segments"], result["bytes_per_mailbox"]["index"]))
    for name in ("list", "list_status"):
        value = result[name]
        print("  %-12s median %8.2f ms (%.2f … %.2f), %d bytes in %d responses; bare loopback %.2f ms" % (
            name.replace("_", " "), value["median_s"] * 1e3, value["min_s"] * 1e3, value["max_s"] * 1e3, value["bytes"],
            value["mailboxes"] + value["statuses"], value["loopback_s"] * 1e3))


def options(parser):
    parser.add_argument("--mailboxes", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=20, help="runs of each LIST that count")
    parser.add_argument("--json", action="store_true", help="the result as a JSON object, alone on standard output")


if __name__ == "__main__":
    scenario.main(__doc__, measure, options)
