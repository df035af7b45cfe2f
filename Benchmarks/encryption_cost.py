#!/usr/bin/env python3
"""What encryption at rest costs: import and reading of the same mail, plain and encrypted, in turns.

    swift build -c release
    python3 Benchmarks/encryption_cost.py --bin .build/release --messages 20000

Import writes a store; export reads every body and writes an mbox; stat opens the store, reads the index and the head of
every message. Each is the best of the runs, so that what else the machine does counts for little; processor time counts
that of the program alone, on all cores.
"""

import json
import os
import resource
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Tests", "ProgramTests", "Scripts"))

import mailgen  # noqa: E402
import scenario  # noqa: E402

KINDS = ("plain", "encrypted")
STEPS = ("import", "export", "stat")


def disk_bytes(folder):
    return sum(
        os.path.getsize(os.path.join(path, name)) for path, _, names in os.walk(folder) for name in names)


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def timed(s, *arguments):
    """Seconds that pass, and seconds of processor time."""
    started, used = time.monotonic(), processor_seconds()
    s.varve(*arguments, timeout=3600)
    return time.monotonic() - started, processor_seconds() - used


def run(s, kind, number, mbox, key):
    """One import, export and stat. Returns their seconds, and the bytes of the store."""
    data = s.new_data("alice", name="%s%d" % (kind, number))
    account = ["--data", data, "--user", "alice"] + (["--key-file", key] if kind == "encrypted" else [])
    # The file is in memory: what is measured is the store.
    with open(mbox, "rb") as file:
        while file.read(1 << 20):
            pass
    out = s.path("%s%d.mbox" % (kind, number))
    seconds = {
        "import": timed(s, "import", "--mbox", mbox, *account),
        "export": timed(s, "export", "--mbox", out, *account),
        "stat": timed(s, "stat", "--json", *account),
    }
    os.remove(out)
    return seconds, disk_bytes(os.path.join(data, "accounts", "alice"))


def measure(s, arguments):
    mbox = s.path("in.mbox")
    mailgen.write_mbox(mailgen.generate(arguments.messages, s.seed), mbox)
    key = s.path("master.key")
    s.varve("key", "new", key)
    size = os.path.getsize(mbox)
    best = {kind: {} for kind in KINDS}
    stored = {}
    for number in range(arguments.runs):
        # In turns: a machine that gets slower meanwhile does so for both.
        for kind in KINDS:
            seconds, stored[kind] = run(s, kind, number, mbox, key)
            for step, values in seconds.items():
                best[kind][step] = tuple(map(min, values, best[kind].get(step, values)))
    if arguments.json:
        print(json.dumps({"messages": arguments.messages, "mbox_bytes": size, "seconds": best, "store_bytes": stored}))
        return
    print("%d messages, mbox of %.1f MB, best of %d" % (arguments.messages, size / 1e6, arguments.runs))
    for step in STEPS:
        (plain, plain_used), (encrypted, encrypted_used) = best["plain"][step], best["encrypted"][step]
        print("  %-7s plain %6.2f s %7.1f MB/s   encrypted %6.2f s %7.1f MB/s   processor time %.2f s, %.2f s, %+.0f %%" % (
            step, plain, size / plain / 1e6, encrypted, size / encrypted / 1e6, plain_used, encrypted_used,
            100 * (encrypted_used / plain_used - 1)))
    print("  store   plain %.1f MB   encrypted %.1f MB   %+.1f %%" % (
        stored["plain"] / 1e6, stored["encrypted"] / 1e6, 100 * (stored["encrypted"] / stored["plain"] - 1)))


def options(parser):
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="the result as a JSON object, alone on standard output")


if __name__ == "__main__":
    scenario.main(__doc__, measure, options)
