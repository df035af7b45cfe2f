"""An account as a superblock's trees have it, and what must hold between them (Formats/index.md)."""

from account import MODES, Account, Mailbox, Message, fold
from index import (CHANGED, DEAD, KEYWORDS, MAILBOX_CHANGES, MAILBOXES, NAMES, SEGMENTS, SUBSCRIPTIONS, UID, VANISHED,
                   Index)
from primitives import number


def load(store, superblock):
    """The account after the superblock's commit."""
    index = Index(store, superblock)
    account = Account()
    account.modseq = superblock.modseq
    account.next_mailbox, account.next_identity = superblock.next_mailbox, superblock.next_identity
    account.last_uidvalidity = superblock.uidvalidity
    counters = read_mailboxes(index, account)
    keywords, sets = read_keywords(index, account)
    dead = read_messages(index, account, keywords, sets)
    read_ranges(index, account, dead)
    account.subscriptions = {name.decode("utf-8") for name, _ in index.entries(SUBSCRIPTIONS)}
    for n, mailbox in account.mailboxes.items():
        if counters[n] != mailbox.counters() + (len(dead.get(n, ())),):
            raise index.damage(0, f"mailbox {n} says {counters[n]}, and has {mailbox.counters()}")
    if sum(len(rows) for rows in dead.values()) != superblock.dead:
        raise index.damage(0, f"the superblock counts {superblock.dead} dead rows")
    read_segments(index, account)
    index.check_whole()
    return account


def read_segments(index, account):
    """The segments that must be there: in a store of major version 1, all up to the superblock's position."""
    if index.superblock.known < SEGMENTS:
        account.segments = dict.fromkeys(range(1, (index.superblock.position >> 32) + 1), 0)
    for key, value in index.entries(SEGMENTS):
        if len(key) != 4 or len(value) < 16:
            raise index.damage(0, "a segment's cell that cannot be")
        account.segments[int.from_bytes(key, "big")] = number(value, 0, 4)


def read_mailboxes(index, account):
    counters, purged = {}, {}
    for key, row in index.entries(MAILBOXES):
        if len(key) != 4 or len(row) < 80:
            raise index.damage(0, "a mailbox' row that is too short")
        n = int.from_bytes(key, "big")
        mailbox = Mailbox(number(row, 0, 4), row[80:].decode("utf-8"), number(row, 64, 8))
        mailbox.uidnext, mailbox.recent = number(row, 4, 4), number(row, 8, 4)
        mailbox.highest, mailbox.floor = number(row, 32, 8), number(row, 40, 8)
        mailbox.use, mailbox.mode = number(row, 72, 2) & 0xFF, number(row, 74, 1)
        if mailbox.mode >= len(MODES):
            raise index.damage(0, f"mailbox {n} is of the unknown mode {mailbox.mode}")
        mailbox.purged, mailbox.purged_below = number(row, 48, 8), number(row, 28, 4)
        counters[n] = (number(row, 12, 4), number(row, 16, 4), number(row, 20, 4), number(row, 56, 8), number(row, 24, 4))
        account.mailboxes[n] = mailbox
    names = [(name.decode("utf-8"), number(n, 0, 4)) for name, n in index.entries(NAMES)]
    if sorted(names) != sorted((mailbox.name, n) for n, mailbox in account.mailboxes.items()):
        raise index.damage(0, "names and mailboxes do not lead to each other")
    changes = [(key & 0xFFFFFFFF, key >> 32) for key, _ in index.entries(MAILBOX_CHANGES)]
    if sorted(changes) != sorted((n, mailbox.highest) for n, mailbox in account.mailboxes.items()):
        raise index.damage(0, "mailboxes and their changes do not lead to each other")
    return counters


def read_keywords(index, account):
    names, sets = {}, {0: frozenset()}
    for key, value in index.entries(KEYWORDS):
        n = int.from_bytes(key[1:5], "big")
        if len(key) != 5 or key[0] not in (1, 2):
            raise index.damage(0, "a keyword's key that cannot be")
        if key[0] == 1:
            names[n] = value.decode("utf-8")
            account.spellings[fold(names[n])] = names[n]
        else:
            sets[n] = frozenset(number(value, at, 4) for at in range(0, len(value), 4))
    if sorted(names) != list(range(1, len(names) + 1)) or sorted(sets) != list(range(len(sets))):
        raise index.damage(0, "keywords or their sets have gaps")
    if any(member not in names for members in sets.values() for member in members):
        raise index.damage(0, "a set has a member that is no keyword")
    return names, sets


def read_messages(index, account, keywords, sets):
    """Fills the mailboxes with their live messages; gives the dead ones' UIDs and modseqs, by mailbox."""
    dead = {}
    for key, (hot, cold) in index.entries(UID):
        n, uid = key >> 32, key & 0xFFFFFFFF
        flags, members, modseq = number(hot, 0, 2), number(hot, 4, 4), number(cold, 0, 8)
        if n not in account.mailboxes or members not in sets:
            raise index.damage(0, f"a row of mailbox {n}, UID {uid}, with keywords {members}")
        if flags & DEAD:
            dead.setdefault(n, {})[uid] = modseq
            continue
        account.mailboxes[n].messages[uid] = Message(
            flags & 31, frozenset(keywords[member] for member in sets[members]), modseq, number(cold, 8, 8),
            number(cold, 16, 8), number(cold, 24, 8, signed=True), number(hot, 2, 2, signed=True),
            number(cold, 32, 4), number(cold, 36, 4))
    return dead


def read_ranges(index, account, dead):
    changed = {n: {} for n in account.mailboxes}
    for tree in (CHANGED, VANISHED):
        for key, (last, _) in index.entries(tree):
            n, modseq, first, last = key >> 96, key >> 32 & 2**64 - 1, key & 0xFFFFFFFF, number(last, 0, 4)
            if n not in account.mailboxes or not first <= last < account.mailboxes[n].uidnext:
                raise index.damage(0, f"UIDs {first} to {last} of mailbox {n} in tree {tree}")
            if tree == CHANGED:
                changed[n][first] = (last, modseq)
            else:
                account.mailboxes[n].vanished.append((modseq, first, last))
    for n, mailbox in account.mailboxes.items():
        check_changed(index, n, mailbox, changed[n])
        check_vanished(index, n, mailbox, dead.get(n, {}))


def check_changed(index, n, mailbox, ranges):
    ordered = sorted((first, last, modseq) for first, (last, modseq) in ranges.items())
    if any(a[1] >= b[0] for a, b in zip(ordered, ordered[1:])):
        raise index.damage(0, f"ranges of changes of mailbox {n} overlap")
    at = 0
    for uid in sorted(mailbox.messages):
        while at < len(ordered) and ordered[at][1] < uid:
            at += 1
        if at == len(ordered) or uid < ordered[at][0] or ordered[at][2] != mailbox.messages[uid].modseq:
            raise index.damage(0, f"mailbox {n}, UID {uid} is not in the range of its change")


def check_vanished(index, n, mailbox, dead):
    gone = {}
    for modseq, first, last in mailbox.vanished:
        if last - first >= mailbox.uidnext - len(mailbox.messages):
            raise index.damage(0, f"more UIDs of mailbox {n} are gone than there can be")
        for uid in range(first, last + 1):
            if uid in gone or uid in mailbox.messages:
                raise index.damage(0, f"mailbox {n}, UID {uid} is gone, and there too")
            gone[uid] = modseq
    if mailbox.floor == 0 and len(gone) + len(mailbox.messages) != mailbox.uidnext - 1:
        raise index.damage(0, f"mailbox {n} has UIDs that are neither there nor gone")
    if any(modseq <= mailbox.floor for modseq, _, _ in mailbox.vanished) or mailbox.floor > mailbox.purged:
        raise index.damage(0, f"mailbox {n} knows of expunges that were forgotten")
    unpurged = {uid: modseq for uid, modseq in gone.items()
                if modseq > mailbox.purged + 1 or modseq > mailbox.purged and uid >= mailbox.purged_below}
    if dead != unpurged:
        raise index.damage(0, f"the dead rows of mailbox {n} are not those that are gone since it was purged")
