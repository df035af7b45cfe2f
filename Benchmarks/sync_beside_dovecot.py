#!/usr/bin/env python3
"""What synchronising costs, on Varve and on Debian's Dovecot, in turns on one machine, over one connection to each.

    swift build -c release
    apt-get install dovecot-imapd
    python3 Benchmarks/sync_beside_dovecot.py --bin .build/release

The rows:

    qresync  SELECT mailbox (QRESYNC (uidvalidity modseq)), with the state from before the changes
    fetch    UID FETCH 1:* (FLAGS) (CHANGEDSINCE modseq VANISHED), in the mailbox
    list     LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ))
    scale    qresync and fetch on Varve alone, in mailboxes of 10,000 and of 1,000,000 messages of two accounts

Both servers get the same messages, the same changes of flags and the same expunges, scattered; that their answers say
exactly those is checked outside the clock. Dovecot runs with Debian's defaults and keeps its mail as sdbox, the format of
its own whose index is the only place of flags and modseqs; --format mdbox and maildir are the others. Both have
everything in memory: each command is sent a few times before those that count. The rows are measured twice, in one run: with the
servers in turns, so that each finds the processor's caches filled by the other and its own threads asleep, and each by itself.
"""

import contextlib
import json
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Tests", "ProgramTests", "Scripts"))

import dovecot  # noqa: E402
import filling  # noqa: E402
import rawimap  # noqa: E402
import scenario  # noqa: E402
from scenario import expect, expect_equal  # noqa: E402

ROWS = ("qresync", "fetch", "list", "scale")
STATUS = "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ)"
WARM = 3


class Series:
    """The seconds of one command on one server."""

    def __init__(self):
        self.seconds = []
        self.bytes = 0

    def add(self, seconds, answer):
        self.seconds.append(seconds)
        self.bytes = len(answer)

    @property
    def median(self):
        return statistics.median(self.seconds)

    def json(self):
        cuts = statistics.quantiles(self.seconds, n=10, method="inclusive") if len(self.seconds) > 1 else self.seconds * 9
        return {"median_s": self.median, "p10_s": cuts[0], "p90_s": cuts[8], "min_s": min(self.seconds), "bytes": self.bytes}


class Side:
    """One connection to one server, and what it is to synchronise from."""

    def __init__(self, name, client, mailbox, other, changes, before):
        self.name, self.client, self.mailbox, self.other = name, client, mailbox, other
        self.changes, self.before = changes, before
        self.series = {}

    def qresync(self):
        self.client.command('SELECT "%s"' % self.other)
        command = 'SELECT "%s" (QRESYNC (%d %d))' % (self.mailbox, *self.before)
        return command, lambda answer: self.changes.check(answer, self.name + " SELECT QRESYNC")

    def fetch(self):
        command = "UID FETCH 1:* (FLAGS) (CHANGEDSINCE %d VANISHED)" % self.before[1]
        return command, lambda answer: self.changes.check(answer, self.name + " UID FETCH CHANGEDSINCE VANISHED")

    def list(self):
        return 'LIST "" "*" RETURN (STATUS %s)' % STATUS, lambda answer: None


def measure_rows(sides, rows, repeat):
    """The sides take turns with each row. Nothing changes between the runs."""
    answers = {}
    for row in rows:
        if row in ("fetch", "list"):
            for side in sides:
                side.client.command('SELECT "%s"' % (side.mailbox if row == "fetch" else side.other))
        for side in sides:
            side.series[row] = Series()
        for number in range(WARM + repeat):
            for side in sides:
                command, check = getattr(side, row)()
                seconds, answer = side.client.timed(command)
                if number == 0:
                    check(answer)
                    answers[side.name, row] = answer
                if number >= WARM:
                    side.series[row].add(seconds, answer)
    return answers


def statuses(answer):
    """What LIST told of each mailbox, but for what is each server's own: MESSAGES, UIDNEXT and UNSEEN."""
    found = {}
    for line in answer.split(b"\r\n"):
        if line.startswith(b"* STATUS "):
            name, _, items = line[len(b"* STATUS "):-1].partition(b" (")
            words = items.split()
            items = dict(zip(words[::2], map(int, words[1::2])))
            expect({b"HIGHESTMODSEQ", b"UIDVALIDITY"} <= items.keys(), "STATUS without an item: %r", line)
            found[name.strip(b'"')] = items[b"MESSAGES"], items[b"UIDNEXT"], items[b"UNSEEN"]
    return found


def open_side(name, client, fill, arguments, seed):
    changes = filling.Changes(seed, arguments.messages, arguments.changed, arguments.expunged)
    client.command("ENABLE QRESYNC")
    before = None
    if {"qresync", "fetch"} & set(arguments.rows):
        fill("big")
        before = changes.make(client, "big")
    client.command("CREATE empty")
    if "list" in arguments.rows:
        filling.fill_mailboxes(client, arguments.mailboxes)
    return Side(name, client, "big", "empty", changes, before)


def side_by_side(s, arguments):
    """The rows in which both take part."""
    rows = [row for row in ROWS[:3] if row in arguments.rows]
    if not rows:
        return {}
    with contextlib.ExitStack() as stack:
        sides = []
        if arguments.only != "dovecot":
            data = s.new_data(dovecot.USER)
            if {"qresync", "fetch"} & set(rows):
                filling.fill_by_import(s, data, "big", arguments.messages)
            server = stack.enter_context(s.serve(data))
            client = rawimap.Client(server.port, dovecot.USER, scenario.PASSWORD)
            sides.append(open_side("Varve", client, lambda mailbox: None, arguments, s.seed))
        if arguments.only != "varve":
            client = rawimap.Client(
                stack.enter_context(dovecot.serve(s, arguments.format))[0], dovecot.USER, dovecot.PASSWORD)
            sides.append(open_side("Dovecot", client, lambda mailbox: filling.fill_by_multiappend(
                client, mailbox, arguments.messages), arguments, s.seed))
        answers = measure_rows(sides, rows, arguments.repeat)
        if "list" in rows:
            told = [statuses(answers[side.name, "list"]) for side in sides]
            for found in told:
                expect(len(found) >= arguments.mailboxes, "LIST tells of %d mailboxes only", len(found))
                expect_equal({name: status for name, status in found.items() if name.count(b"/") == 2},
                             {name: status for name, status in told[0].items() if name.count(b"/") == 2}, "STATUS")
        result = {"in_turns": series(sides, rows)}
        for side in sides:
            measure_rows([side], rows, arguments.repeat)
        result["in_a_row"] = series(sides, rows)
        for side in sides:
            side.client.close()
    return result


def series(sides, rows):
    return {row: {side.name: side.series[row].json() for side in sides} for row in rows}


def scale(s, arguments):
    """Varve alone: two accounts, one with a small mailbox and one with a large one, in turns."""
    users = ["user%d" % size for size in arguments.sizes]
    data = s.new_data(*users, name="scale")
    for user, size in zip(users, arguments.sizes):
        filling.fill_by_import(s, data, "big", size, user)
    with s.serve(data) as server:
        sides = []
        for user, size in zip(users, arguments.sizes):
            client = rawimap.Client(server.port, user, scenario.PASSWORD)
            client.command("ENABLE QRESYNC")
            client.command("CREATE empty")
            changes = filling.Changes(s.seed, size, arguments.changed, arguments.expunged)
            sides.append(Side("%d messages" % size, client, "big", "empty", changes, changes.make(client, "big")))
        measure_rows(sides, ("qresync", "fetch"), arguments.repeat)
        for side in sides:
            side.client.close()
    return series(sides, ("qresync", "fetch"))


def show(title, rows):
    print(title)
    for row, sides in rows.items():
        for name, value in sides.items():
            print("  %-8s %-17s median %10.3f ms   p10 %10.3f   p90 %10.3f   %9d bytes   bare loopback %7.3f ms" % (
                row, name, value["median_s"] * 1e3, value["p10_s"] * 1e3, value["p90_s"] * 1e3, value["bytes"],
                rawimap.exchange(value["bytes"]) * 1e3))
        values = [value["median_s"] for value in sides.values()]
        if len(values) == 2:
            print("  %-8s %s / %s: %.2f" % (row, *reversed(sides), values[1] / values[0]))


def measure(s, arguments):
    unknown = set(arguments.rows) - set(ROWS)
    expect(not unknown, "there are no rows %s; there are %s", sorted(unknown), ", ".join(ROWS))
    result = {"messages": arguments.messages, "changed": arguments.changed, "expunged": arguments.expunged,
              "mailboxes": arguments.mailboxes, "repeat": arguments.repeat}
    if arguments.only != "varve" and set(arguments.rows) & set(ROWS[:3]):
        result["dovecot"] = "%s, %s" % (dovecot.version(), arguments.format)
    result["rows"] = side_by_side(s, arguments)
    if "scale" in arguments.rows and arguments.only != "dovecot":
        result["scale"] = scale(s, arguments)
    if arguments.json:
        print(json.dumps(result))
        return
    print("%(messages)d messages, %(changed)d changed, %(expunged)d expunged; %(mailboxes)d mailboxes" % result
          + "; Dovecot %s" % result.get("dovecot", "is not measured"))
    if result["rows"]:
        show("In turns, each server asked when the other has just worked", result["rows"]["in_turns"])
        show("Each server asked again and again", result["rows"]["in_a_row"])
    if "scale" in result:
        show("Varve alone, %(changed)d changed, %(expunged)d expunged" % result, result["scale"])


def options(parser):
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--changed", type=int, default=100)
    parser.add_argument("--expunged", type=int, default=100)
    parser.add_argument("--mailboxes", type=int, default=4_000)
    parser.add_argument("--repeat", type=int, default=30, help="runs of each command that count")
    parser.add_argument("--sizes", type=lambda text: [int(part) for part in text.split(",")], default=[10_000, 1_000_000],
                        help="messages of the two mailboxes of the row scale")
    parser.add_argument("--rows", type=lambda text: text.split(","), default=list(ROWS), help="some of " + ",".join(ROWS))
    parser.add_argument("--format", choices=("sdbox", "mdbox", "maildir"), default="sdbox", help="of Dovecot's mail")
    parser.add_argument("--only", choices=("varve", "dovecot"), help="one server alone")
    parser.add_argument("--json", action="store_true", help="the result as a JSON object, alone on standard output")


if __name__ == "__main__":
    scenario.main(__doc__, measure, options)
