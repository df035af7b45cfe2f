#!/usr/bin/env python3
"""How fast `varve import` is, and how large a store is beside the mbox it came from.

    swift build -c release
    python3 Benchmarks/import_rate.py --bin .build/release --messages 20000
    python3 Benchmarks/import_rate.py --bin .build/release --mbox real.mbox
"""

import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Tests", "ProgramTests", "Scripts"))

import mailgen  # noqa: E402
import scenario  # noqa: E402


def disk_bytes(folder):
    """What the files take on disk, and what they say their length is."""
    used = length = 0
    for path, _, names in os.walk(folder):
        for name in names:
            status = os.stat(os.path.join(path, name))
            used += status.st_blocks * 512
            length += status.st_size
    return used, length


def count_messages(path):
    with open(path, "rb") as file:
        return sum(line.startswith(b"From ") for line in file)


def measure(s, arguments):
    mbox = arguments.mbox
    if not mbox:
        mbox = s.path("in.mbox")
        mailgen.write_mbox(mailgen.generate(arguments.messages, s.seed), mbox)
    size, messages = os.path.getsize(mbox), count_messages(mbox)
    runs = []
    for number in range(arguments.runs):
        data = s.new_data("alice", name="data%d" % number)
        # The file is in memory: what is measured is the store.
        with open(mbox, "rb") as file:
            while file.read(1 << 20):
                pass
        started = time.monotonic()
        s.varve("import", "--data", data, "--user", "alice", "--mbox", mbox, timeout=3600)
        runs.append(time.monotonic() - started)
    seconds = min(runs)
    used, length = disk_bytes(os.path.join(data, "accounts", "alice"))
    segments, _ = disk_bytes(os.path.join(data, "accounts", "alice", "segments"))
    result = {
        "messages": messages, "mbox_bytes": size, "seconds": round(seconds, 3), "all_seconds": [round(r, 3) for r in runs],
        "messages_per_second": round(messages / seconds), "megabytes_per_second": round(size / seconds / 1e6, 1),
        "disk_bytes": used, "file_bytes": length, "segment_bytes": segments, "disk_share_of_mbox": round(used / size, 3)}
    if arguments.json:
        print(json.dumps(result))
        return
    print("%d messages, mbox of %.1f MB: %.2f s (best of %d)" % (messages, size / 1e6, seconds, arguments.runs))
    print("  %(messages_per_second)d messages/s, %(megabytes_per_second).1f MB/s" % result)
    print("  on disk %.1f MB, %.0f %% of the mbox; of it segments %.1f MB" % (
        used / 1e6, 100 * used / size, segments / 1e6))


def options(parser):
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--mbox", help="this one instead of made messages")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="the result as a JSON object, alone on standard output")


if __name__ == "__main__":
    scenario.main(__doc__, measure, options)
