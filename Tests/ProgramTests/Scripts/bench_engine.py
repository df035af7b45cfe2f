#!/usr/bin/env python3
"""`varve-bench engine` on small stores: every row is measured, twice in one run too, and its answers hold."""

import json
import os

import scenario
from scenario import expect, expect_equal

# Each row, and what must be told of it.
ROWS = {
    "load": "perSecond", "disk": "bytes", "memory": "bytes", "resident": "bytes", "open": "seconds", "open-crashed": "seconds",
    "append-1": "seconds", "append-by-32": "perSecond", "changed-1000": "seconds", "vanished-1000": "seconds",
    "both-1000": "seconds", "scan": "seconds", "sequence-to-uid": "seconds", "sequence-of-uid": "seconds", "body": "seconds",
    "body-part": "seconds", "store-one": "seconds", "store-all": "seconds", "expunge": "seconds", "list-status": "seconds",
}


def check(s, arguments):
    os.mkdir(s.path("stores"))
    report = json.loads(bench(s, "--repetitions", "3", "--json"))
    found = {row["id"]: row for row in report["rows"]}
    expect_equal({name: row["unit"] for name, row in found.items()}, ROWS, "the rows and their units")
    for name, row in found.items():
        for value in row["figures"]["Varve"]["repetitions"]:
            # A run as short as this may need no more memory than it began with.
            expect(value > 0 or name == "memory", "%s: %r", name, value)
        if "percentiles" in row["figures"]["Varve"]:
            values = [percentile["value"] for percentile in row["figures"]["Varve"]["percentiles"]]
            expect_equal(values, sorted(values), "percentiles of %s" % name)
    expect_equal([point["x"] for point in committers(report)], [1, 2, 4, 8, 16, 32], "committers of the curve")
    text = bench(s, "--rows", "scan,list-status", "--repetitions", "1")
    expect("UID and flags of 1000" in text and "LIST-STATUS of 20 mailboxes" in text, "no table:\n%s", text)
    expect("durable append" not in text, "rows that nobody asked for:\n%s", text)
    expect_equal(os.listdir(s.path("stores")), [], "what is left of the stores")
    refused = s.run([s.program("varve-bench"), "engine", "--rows", "scam"], status=None)
    expect(refused.returncode not in (0, 1) and "scam" in refused.stderr, "no refusal: %s", refused.stderr)


def committers(report):
    return next(curve for curve in report["curves"] if curve["id"] == "append-committers")["lines"]["Varve"]


def bench(s, *options):
    return s.run([
        s.program("varve-bench"), "engine", "--messages", "1000", "--mailboxes", "20", "--folder", s.path("stores"), *options,
    ]).stdout


if __name__ == "__main__":
    scenario.main(__doc__, check)
