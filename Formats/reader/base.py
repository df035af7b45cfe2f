"""Bases: the account as it was when a segment began, as records (Formats/base.md)."""

import hashlib
import os
import re

from account import Account, Mailbox, Message, check_mode, fold
from log import FOOTER, HEADER, Segment, position
from primitives import Damage, Fields, crc32c, number, other_major

BASE = 4
LONGEST_PAYLOAD = 4 << 20


def newest(log):
    """The account of the newest base that is valid and from whose segment on none is missing, and the position behind it;
    an empty account and the log's begin if there is none."""
    names = os.listdir(log.folder) if os.path.isdir(log.folder) else []
    for n in sorted((int(name[:12]) for name in names if re.fullmatch(r"[0-9]{12}\.base", name)), reverse=True):
        if not log.is_whole_from(n):
            continue
        try:
            return Base(log, n).account, position(n, HEADER)
        except Damage:
            continue
    return Account(), position(1, HEADER)


class Base:
    def __init__(self, log, n):
        # Frames lie in it as in a segment, and its number is that of the segment before which it stands.
        self.file = Segment(os.path.join(log.folder, f"{n:012d}.base"), n)
        self.account = Account()
        self.keywords, self.sets = {}, {0: frozenset()}
        self.mailbox = None
        self._check_header(log)
        frames = self._frames(log.tag)
        self._check_footer(frames)
        for frame in frames[:-1]:
            try:
                self._apply(frame.payload)
            except (ValueError, KeyError) as error:
                raise frame.damage(f"records of a base that cannot be applied: {error}") from None
        self._check_uids(frames[-1])
        self.account.modseq = self.modseq

    def _check_header(self, log):
        data, path = self.file.data, self.file.path
        if len(data) < HEADER or data[:8] != b"VRVEBAS1":
            raise Damage(path, 0, "no header of a base")
        other = other_major(path, number(data, 8, 2), number(data, 10, 2))
        if crc32c(data[:60]) != number(data, 60, 4):
            raise Damage(path, 60, "the header's checksum does not hold")
        if other:
            raise other
        if number(data, 32, 4) != self.file.n or (number(data, 16, 8), number(data, 24, 8)) != log.uuid:
            raise Damage(path, 16, "a base of another place or another store")
        self.modseq = number(data, 40, 8) - 1
        if self.modseq < 1:
            raise Damage(path, 40, "a base before every commit")

    def _frames(self, tag):
        frames, at = [], HEADER
        while at < len(self.file.data):
            frame = self.file.frame(at, tag)
            if frame is None or frame.kind not in (BASE, FOOTER):
                raise Damage(self.file.path, at, "no valid frame of a base begins here")
            frames.append(frame)
            at = frame.behind
            if frame.kind == FOOTER:
                break
        if not frames or frames[-1].kind != FOOTER or at != len(self.file.data):
            raise Damage(self.file.path, at, "the base does not end with a footer")
        return frames

    def _check_footer(self, frames):
        footer, contents = frames[-1], frames[:-1]
        fields = Fields(footer.payload)
        try:
            said = (fields.number(8), fields.number(8), fields.number(4))
            self.messages, size = fields.number(4), fields.number(8)
            fields.take(8)
            digest = fields.take(32)
        except ValueError as error:
            raise footer.damage(f"a footer that is too short: {error}") from None
        if said != (0, self.modseq, len(contents)) or size != sum(frame.behind - frame.at for frame in contents):
            raise footer.damage("the footer does not count what is there")
        if hashlib.sha256(self.file.data[:footer.at]).digest() != digest:
            raise footer.damage("the footer's SHA-256 is not that of the bytes before it", 40)

    def _check_uids(self, footer):
        """The UIDs below a mailbox' next one are there or gone, each once, as long as no expunge was forgotten."""
        for n, mailbox in self.account.mailboxes.items():
            gone = sum(last - first + 1 for _, first, last in mailbox.vanished)
            if gone + len(mailbox.messages) > mailbox.uidnext - 1 or (
                    mailbox.floor == 0 and gone + len(mailbox.messages) < mailbox.uidnext - 1):
                raise footer.damage(f"mailbox {n} has UIDs that are neither there nor gone, or both")
        if sum(len(mailbox.messages) for mailbox in self.account.mailboxes.values()) != self.messages:
            raise footer.damage(f"the footer counts {self.messages} messages", 20)

    def _apply(self, payload):
        head = Fields(payload)
        modseq = head.number(8)
        head.take(8)
        count = head.number(4)
        head.take(4)
        if modseq != self.modseq or len(payload) > LONGEST_PAYLOAD:
            raise ValueError("a frame of another base")
        for _ in range(count):
            kind = head.number(2)
            head.take(2)
            record = Fields(head.take(head.number(4)))
            if kind in RECORDS:
                RECORDS[kind](self, record)
            elif kind < 0x8000:
                raise ValueError(f"a record of the unknown kind {kind}")

    # Records

    def _account(self, record):
        self.account.next_mailbox = record.number(4)
        self.account.last_uidvalidity = record.number(4)
        self.account.next_identity = record.number(8)

    def _keyword(self, record):
        n, name = record.number(4), record.string()
        if n != len(self.keywords) + 1:
            raise ValueError(f"a keyword with the id {n}")
        self.keywords[n] = self.account.spellings[fold(name)] = name

    def _keyword_set(self, record):
        n, count = record.number(4), record.number(4)
        if n != len(self.sets):
            raise ValueError(f"a set of keywords with the number {n}")
        self.sets[n] = frozenset(self.keywords[record.number(4)] for _ in range(count))

    def _mailbox(self, record):
        n, uidvalidity, uidnext, recent = (record.number(4) for _ in range(4))
        highest, floor, created = (record.number(8) for _ in range(3))
        mailbox = Mailbox(uidvalidity, record.string(), created)
        if n >= self.account.next_mailbox or n in self.account.mailboxes or max(highest, floor, created) > self.modseq:
            raise ValueError(f"a mailbox {n} that cannot be")
        mailbox.uidnext, mailbox.recent, mailbox.highest, mailbox.floor = uidnext, recent, highest, floor
        if record.at < len(record.data):  # version 2.0 ends it with the name
            mailbox.use, mailbox.mode = record.number(2) & 0xFF, check_mode(record.number(1))
        self.account.mailboxes[n] = mailbox

    def _messages(self, record):
        mailbox, count = self.account.mailboxes[record.number(4)], record.number(4)
        for _ in range(count):
            uid, flags, zone, members = record.number(4), record.number(2), record.number(2, signed=True), record.number(4)
            modseq, place, identity = record.number(8), record.number(8), record.number(8)
            date, size, arrival = record.number(8, signed=True), record.number(4), record.number(4)
            if not next(reversed(mailbox.messages), 0) < uid < mailbox.uidnext or modseq > mailbox.highest:
                raise ValueError(f"a message with UID {uid} that cannot be")
            mailbox.messages[uid] = Message(
                flags & 31, self.sets[members], modseq, place, identity, date, zone, size, arrival)

    def _vanished(self, record):
        mailbox, count = self.account.mailboxes[record.number(4)], record.number(4)
        for _ in range(count):
            modseq, first, last = record.number(8), record.number(4), record.number(4)
            if not 1 <= first <= last < mailbox.uidnext or not mailbox.floor < modseq <= self.modseq:
                raise ValueError(f"expunged UIDs {first} to {last} that cannot be")
            mailbox.vanished.append((modseq, first, last))

    def _subscription(self, record):
        self.account.subscriptions.add(record.string())

    def _segments(self, record):
        for _ in range(record.number(4)):
            n, end = record.number(4), record.number(4)
            self.account.segments[n] = end


RECORDS = {
    0x20: Base._account, 0x21: Base._keyword, 0x22: Base._keyword_set, 0x23: Base._mailbox, 0x24: Base._subscription,
    0x25: Base._messages, 0x26: Base._vanished, 0x27: Base._segments,
}
