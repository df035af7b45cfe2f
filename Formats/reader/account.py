"""The state of an account, and how a commit's records change it (Formats/records.md)."""

from primitives import Fields, crc32c

SYSTEM_FLAGS = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft")
SEEN, DELETED = 1, 8
EPOCH_OF_ARRIVALS = 1577836800  # 2020-01-01T00:00:00Z
MOST_KEYWORDS = 128
USES = ("\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash", "\\Important")
MODES = ("full", "no-expunge-log", "no-modseq")


def fold(keyword):
    """A keyword without regard to ASCII case."""
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in keyword)


class Message:
    def __init__(self, flags, keywords, modseq, position, identity, date, zone, size, arrival):
        self.flags, self.keywords, self.modseq = flags, keywords, modseq
        self.position, self.identity, self.size = position, identity, size
        self.date, self.zone, self.arrival = date, zone, arrival


class Mailbox:
    def __init__(self, uidvalidity, name, created):
        self.uidvalidity, self.name, self.created, self.highest = uidvalidity, name, created, created
        self.uidnext = self.recent = 1
        self.floor = 0
        self.use = self.mode = 0
        self.messages = {}  # by UID; UIDs ascend, since each new one is the highest
        self.vanished = []  # (modseq, first UID, last UID)

    def counters(self):
        rows = self.messages.values()
        return (len(rows), sum(not m.flags & SEEN for m in rows), sum(bool(m.flags & DELETED) for m in rows),
                sum(m.size for m in rows))


class Account:
    def __init__(self):
        self.modseq = 0
        self.mailboxes = {}
        self.subscriptions = set()
        self.spellings = {}  # folded keyword: as it was spelled first
        self.next_mailbox = self.next_identity = 1
        self.last_uidvalidity = 0
        self.segments = {}  # those that must be there, and where they end; 0 where that is not known

    def apply(self, payload, segment):
        """Applies one commit, which stands in a segment; ValueError if it cannot be."""
        self.segments.setdefault(segment, 0)
        fields = Fields(payload)
        modseq, time, count = fields.number(8), fields.number(8), fields.number(4)
        fields.take(4)
        if modseq != self.modseq + 1:
            raise ValueError(f"commit {modseq} follows commit {self.modseq}")
        arrival = min(max(time // 1000 - EPOCH_OF_ARRIVALS, 0), 2**32 - 1)
        for _ in range(count):
            kind = fields.number(2)
            fields.take(2)
            record = Fields(fields.take(fields.number(4)))
            if kind in KINDS:
                KINDS[kind](self, record, modseq, arrival)
            elif kind < 0x8000:
                raise ValueError(f"a record of the unknown kind {kind}")
        self.modseq = modseq

    # Parts of records

    def mailbox(self, record):
        n = record.number(4)
        if n not in self.mailboxes:
            raise ValueError(f"there is no mailbox {n}")
        return self.mailboxes[n]

    def flags(self, record):
        system, count = record.number(2) & 31, record.number(2)
        names = [record.string() for _ in range(count)]
        if count > MOST_KEYWORDS or any(not 1 <= len(name.encode()) <= 255 for name in names):
            raise ValueError("keywords that cannot be")
        return system, names

    def keep(self, names):
        """The keywords, spelled as they were met first."""
        return frozenset(self.spellings.setdefault(fold(name), name) for name in names)

    def ranges(self, record):
        ranges, before = [], 0
        for _ in range(record.number(4)):
            first, last = record.number(4), record.number(4)
            if not before < first <= last:
                raise ValueError("a UID set that does not ascend")
            ranges.append((first, last))
            before = last
        return ranges

    def victims(self, record, mailbox):
        count, crc = record.number(4), record.number(4)
        ranges = self.ranges(record)
        if sum(last - first + 1 for first, last in ranges) != count:
            raise ValueError("a record's victims are not as many as their UIDs")
        uids = [uid for first, last in ranges for uid in range(first, last + 1)]
        if any(uid not in mailbox.messages for uid in uids):
            raise ValueError("a record's victim is not there")
        if crc32c(b"".join(mailbox.messages[uid].identity.to_bytes(8, "little") for uid in uids)) != crc:
            raise ValueError("a record's victims are not the messages that stand under their UIDs")
        return ranges, uids

    # Records

    def create(self, record, modseq, arrival):
        n, uidvalidity, name = record.number(4), record.number(4), record.string()
        if not self.next_mailbox <= n <= 2**32 - 2:
            raise ValueError(f"a mailbox with the id {n} where {self.next_mailbox} is next")
        self.check_new(name)
        self.mailboxes[n] = Mailbox(uidvalidity, name, modseq)
        self.next_mailbox = n + 1
        self.last_uidvalidity = max(self.last_uidvalidity, uidvalidity)

    def check_new(self, name):
        check_length(name)
        if any(mailbox.name == name for mailbox in self.mailboxes.values()):
            raise ValueError(f"a second mailbox {name}")

    def delete(self, record, modseq, arrival):
        self.mailbox(record)
        del self.mailboxes[int.from_bytes(record.data[:4], "little")]

    def rename(self, record, modseq, arrival):
        mailbox, name = self.mailbox(record), record.string()
        self.check_new(name)
        mailbox.name = name
        mailbox.highest = modseq

    def subscribe(self, record, modseq, arrival):
        self.subscriptions.add(check_length(record.string()))

    def unsubscribe(self, record, modseq, arrival):
        self.subscriptions.discard(record.string())

    def append(self, record, modseq, arrival):
        mailbox, uid, identity, position = (
            self.mailbox(record), record.number(4), record.number(8), record.number(8))
        date, zone, size = record.number(8, signed=True), record.number(2, signed=True), record.number(4)
        system, names = self.flags(record)
        if not -1439 <= zone <= 1439:
            raise ValueError(f"a zone of {zone} minutes")
        if uid != mailbox.uidnext or uid == 2**32 - 1:
            raise ValueError(f"a message with UID {uid} where {mailbox.uidnext} is next")
        if not self.next_identity <= identity <= 2**63 - 2:
            raise ValueError(f"a message with the identity {identity} where {self.next_identity} is next")
        mailbox.messages[uid] = Message(system, self.keep(names), modseq, position, identity, date, zone, size, arrival)
        mailbox.uidnext = uid + 1
        mailbox.highest = modseq
        self.next_identity = identity + 1

    def change_flags(self, record, modseq, arrival):
        mailbox, operation = self.mailbox(record), record.number(1)
        system, names = self.flags(record)
        if operation not in (1, 2, 3):
            raise ValueError(f"an unknown way to change flags: {operation}")
        uids = [uid for first, last in self.ranges(record) for uid in live(mailbox, first, last)]
        if not uids:
            return
        if operation == 2:
            folded = {fold(name) for name in names}
        else:
            keywords = self.keep(names)
        for uid in uids:
            message = mailbox.messages[uid]
            before = (message.flags, message.keywords)
            if operation == 1:
                message.flags, message.keywords = message.flags | system, message.keywords | keywords
            elif operation == 2:
                message.flags &= ~system
                message.keywords = frozenset(name for name in message.keywords if fold(name) not in folded)
            else:
                message.flags, message.keywords = system, keywords
            if (message.flags, message.keywords) == before:
                raise ValueError(f"flags of the message {uid} that do not change")
            if len(message.keywords) > MOST_KEYWORDS:
                raise ValueError(f"the message {uid} has {len(message.keywords)} keywords")
            message.modseq = modseq
        mailbox.highest = modseq

    def remove(self, mailbox, ranges, uids, modseq):
        for uid in uids:
            del mailbox.messages[uid]
        mailbox.vanished += [(modseq, first, last) for first, last in ranges]
        mailbox.highest = modseq if uids else mailbox.highest

    def expunge(self, record, modseq, arrival):
        mailbox = self.mailbox(record)
        self.remove(mailbox, *self.victims(record, mailbox), modseq)

    def copy(self, record, modseq, arrival, move=False):
        source, target, first = self.mailbox(record), self.mailbox(record), record.number(4)
        ranges, uids = self.victims(record, source)
        if first != target.uidnext or first + len(uids) > 2**32 - 1:
            raise ValueError(f"a copy with UID {first} where {target.uidnext} is next")
        for uid in uids:
            m = source.messages[uid]
            target.messages[target.uidnext] = Message(
                m.flags, m.keywords, modseq, m.position, m.identity, m.date, m.zone, m.size, arrival)
            target.uidnext += 1
            target.highest = modseq
        if move:
            self.remove(source, ranges, uids, modseq)

    def move(self, record, modseq, arrival):
        self.copy(record, modseq, arrival, move=True)

    def claim_recent(self, record, modseq, arrival):
        mailbox, below = self.mailbox(record), record.number(4)
        if below > mailbox.uidnext:
            raise ValueError(f"UIDs below {below} are claimed where {mailbox.uidnext} is next")
        mailbox.recent = max(mailbox.recent, below)

    def forget_vanished(self, record, modseq, arrival):
        mailbox, floor = self.mailbox(record), record.number(8)
        if not mailbox.floor < floor < modseq:
            raise ValueError(f"a vanished floor of {floor}, where {mailbox.floor} was, in commit {modseq}")
        mailbox.floor = floor
        mailbox.vanished = [gone for gone in mailbox.vanished if gone[0] > floor]

    def renew_uidvalidity(self, record, modseq, arrival):
        mailbox, uidvalidity = self.mailbox(record), record.number(4)
        if uidvalidity <= self.last_uidvalidity:
            raise ValueError(f"UIDVALIDITY {uidvalidity} where {self.last_uidvalidity} was given")
        mailbox.uidvalidity = self.last_uidvalidity = uidvalidity
        mailbox.highest = modseq

    def set_special_use(self, record, modseq, arrival):
        mailbox = self.mailbox(record)
        mailbox.use = record.number(2) & 0xFF

    def set_sync_mode(self, record, modseq, arrival):
        mailbox = self.mailbox(record)
        mailbox.mode = check_mode(record.number(1))

    def relocate(self, record, modseq, arrival):
        old, new, identity = record.number(8), record.number(8), record.number(8)
        for _ in range(record.number(4)):
            mailbox, uid = self.mailbox(record), record.number(4)
            if uid in mailbox.messages:
                message = mailbox.messages[uid]
                if (message.position, message.identity) != (old, identity):
                    raise ValueError(f"the message {uid} is not the one that a record moves to another place")
                message.position = new
            elif uid >= mailbox.uidnext:
                raise ValueError(f"a message {uid} that never was is moved to another place")

    def drop_segments(self, record, modseq, arrival):
        for _ in range(record.number(4)):
            # A base does not name the segments that are given up with it.
            self.segments.pop(record.number(4), None)


def check_length(name):
    if not 1 <= len(name.encode()) <= 1000:
        raise ValueError(f"a name of {len(name.encode())} bytes")
    return name


def check_mode(mode):
    if mode >= len(MODES):
        raise ValueError(f"an unknown mode: {mode}")
    return mode


def live(mailbox, first, last):
    """The live UIDs of a range, which may span far more than there are."""
    if last - first < len(mailbox.messages):
        return [uid for uid in range(first, last + 1) if uid in mailbox.messages]
    return [uid for uid in mailbox.messages if first <= uid <= last]


KINDS = {
    1: Account.create, 2: Account.delete, 3: Account.rename, 4: Account.subscribe, 5: Account.unsubscribe,
    6: Account.append, 7: Account.change_flags, 8: Account.expunge, 9: Account.copy, 10: Account.move,
    11: Account.claim_recent, 12: Account.relocate, 13: Account.drop_segments, 14: Account.forget_vanished,
    15: Account.renew_uidvalidity, 0x8010: Account.set_special_use, 0x8011: Account.set_sync_mode,
}
