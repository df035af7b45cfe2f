#!/usr/bin/env python3
"""Prints what a Varve store holds: mailboxes, messages with the SHA-256 of their bodies, expunged UIDs.

    python3 varve_reader.py [--log-only | --index] STORE

It was written from the pages of Formats/ alone and shares no line with the engine. There are two ways to read a store:
by the log alone, all commits from its begin on, or from the newest base on; and by superblock and index, with the
commits behind them. Without an option both are gone, if there is an index, and must lead to the same. The output is that
of `varve-dump --messages --json STORE`. It reads only, and a store that no program is writing to. Python 3.9 or later,
standard library only.

Exit status: 0 all is well; 1 the store is damaged, or not one that this program reads.
"""

import argparse
import json
import os
import sys

import base
import checkpoint
from account import EPOCH_OF_ARRIVALS, MODES, SYSTEM_FLAGS, USES
from index import NoIndex, read_superblock
from log import HEADER, Log, position
from primitives import Damage, Refused


def replay(account, log, begin):
    for frame in log.commits(begin):
        try:
            account.apply(frame.payload, frame.segment.n)
        except ValueError as error:
            raise frame.damage(f"a commit that cannot be applied: {error}") from None
    log.check_needed(account)
    return account


def by_log(store):
    log = Log(store)
    account, begin = base.newest(log)
    return replay(account, log, begin), log


def by_index(store):
    superblock, has_bytes = read_superblock(store)
    if superblock is None:
        raise NoIndex(f"{store}: no superblock holds, so that nothing says where the index begins")
    log = Log(store, superblock.position, has_bytes)
    if log.uuid != superblock.uuid:
        raise Damage(os.path.join(store, "superblock"), 16, "it is of another store than the segments")
    if not log.is_whole_from(superblock.position >> 32) and base.newest(log)[1] != position(1, HEADER):
        raise NoIndex(f"{store}: segments behind the superblock's position are gone, and there is a base")
    return replay(checkpoint.load(store, superblock), log, superblock.position), log


def joined(vanished):
    """Ranges of one commit that touch, as one; ordered by modseq and UID."""
    out = []
    for modseq, first, last in sorted(vanished):
        if out and out[-1][0] == modseq and out[-1][2] + 1 == first:
            out[-1] = (modseq, out[-1][1], last)
        else:
            out.append((modseq, first, last))
    return out


def items(account, log):
    high, low = log.uuid or (0, 0)
    yield {"type": "account", "uuid": f"{high:016x}{low:016x}", "modseq": account.modseq}
    hashes = {}
    for n, mailbox in sorted(account.mailboxes.items()):
        messages, unseen, deleted, size = mailbox.counters()
        item = {"type": "mailbox", "id": n, "name": mailbox.name, "uidvalidity": mailbox.uidvalidity,
                "uidnext": mailbox.uidnext, "firstRecent": mailbox.recent, "messages": messages, "unseen": unseen,
                "deleted": deleted, "bytes": size, "highestModseq": mailbox.highest,
                "created": mailbox.created, "vanishedFloor": mailbox.floor}
        if mailbox.use:
            item["specialUse"] = [name for bit, name in enumerate(USES) if mailbox.use >> bit & 1]
        if mailbox.mode:
            item["syncMode"] = MODES[mailbox.mode]
        yield item
        for uid, m in mailbox.messages.items():
            if m.position not in hashes:
                hashes[m.position] = log.body_hash(m.position, m.size)
            yield {"type": "message", "mailbox": n, "uid": uid, "modseq": m.modseq,
                   "flags": [name for bit, name in enumerate(SYSTEM_FLAGS) if m.flags >> bit & 1],
                   "keywords": sorted(m.keywords, key=str.encode), "internalDate": m.date, "zone": m.zone,
                   "saved": EPOCH_OF_ARRIVALS + m.arrival, "size": m.size, "identity": m.identity,
                   "sha256": hashes[m.position]}
        for modseq, first, last in joined(mailbox.vanished):
            yield {"type": "vanished", "mailbox": n, "modseq": modseq,
                   "uids": f"{first}" if first == last else f"{first}:{last}"}
    for name in sorted(account.subscriptions, key=str.encode):
        yield {"type": "subscription", "name": name}


def text(state):
    lines = (json.dumps(item, ensure_ascii=False, separators=(",", ":")).replace("\x7f", "\\u007f") for item in state)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def read(store, way):
    if not os.path.isdir(os.path.join(store, "segments")):
        raise Refused(f"{store}: there is no store")
    results = []
    if way != "log":
        try:
            results.append(text(items(*by_index(store))))
        except NoIndex:
            if way == "index":
                raise
    if way != "index":
        results.append(text(items(*by_log(store))))
    if results[0] != results[-1]:
        pairs = zip(results[0].splitlines(), results[1].splitlines())
        ours, theirs = next(((a, b) for a, b in pairs if a != b), ("more", "less"))
        raise Damage(os.path.join(store, "index"), 0, f"the index says\n{ours}\nand the log\n{theirs}")
    return results[0]


def main():
    parser = argparse.ArgumentParser(description="Prints what a Varve store holds, as JSON.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--log-only", dest="way", action="store_const", const="log", help="read nothing but the segments")
    which.add_argument("--index", dest="way", action="store_const", const="index",
                       help="superblock, index and the log behind them")
    parser.add_argument("store", help="a store's folder")
    arguments = parser.parse_args()
    try:
        sys.stdout.buffer.write(read(arguments.store, arguments.way).encode())
    except (Damage, Refused) as error:
        sys.exit(f"varve_reader: {error}")


if __name__ == "__main__":
    main()
