"""The log: segments, frames, the torn tail (Formats/segment.md), and the bodies in it (Formats/message.md)."""

import hashlib
import os
import re

from primitives import Damage, Fields, Refused, crc32c, inflate, number, other_major, read_file

HEADER = 64
FRAME = 32
MESSAGE, COMMIT, FOOTER, SMALL_MESSAGE, DICTIONARY = 1, 2, 3, 5, 6
LONGEST_PAYLOAD = 2**30 + 2**26
LONGEST_BODY = 2**30
CHUNK = 65536
LONGEST_SMALL = 16384
OFFSET_LIMIT = 2**32 - 1


def position(segment, offset):
    return segment << 32 | offset


class Segment:
    def __init__(self, path, n):
        self.path = path
        self.n = n
        self.data = read_file(path)
        self.found = None

    def read_header(self):
        """What is wrong with the header, or None. One whose checksum holds is of the version that it says."""
        data = self.data
        if len(data) < HEADER or data[:8] != b"VRVESEG1":
            return Damage(self.path, 0, "no segment header")
        other = other_major(self.path, number(data, 8, 2), number(data, 10, 2))
        if crc32c(data[:60]) != number(data, 60, 4):
            return other or Damage(self.path, 60, "the segment header's checksum does not hold")
        if other:
            raise other
        if number(data, 32, 4) != self.n:
            return Damage(self.path, 32, f"the segment header says that this is segment {number(data, 32, 4)}")
        self.uuid = (number(data, 16, 8), number(data, 24, 8))
        self.previous_end = number(data, 36, 4)
        self.first_modseq = number(data, 40, 8)
        if number(data, 8, 2) > 1 and data[48] & 1:
            raise Refused(f"{self.path}: the store is encrypted; this program, with Python's standard library alone, has "
                          "no AES to open it")
        return None

    def dictionary(self, name, tag):
        """The content of the dictionary with which the segment begins, if that has this number."""
        if self.found is None:
            frame = self.frame(HEADER, tag)
            if frame is None or frame.kind != DICTIONARY:
                raise Damage(self.path, HEADER, "no dictionary stands here")
            self.found = dictionary(frame)
        if self.found[0] != name:
            raise Damage(self.path, HEADER, f"a dictionary of the number {self.found[0]}, and not {name}")
        return self.found[1]

    def frame(self, at, tag, end=None):
        """The valid frame at an offset, or None."""
        end = min(len(self.data), OFFSET_LIMIT) if end is None else end
        if at + FRAME > end:
            return None
        head = self.data[at:at + FRAME]
        length = number(head, 4, 4)
        behind = at + FRAME + (length + 7) // 8 * 8
        if length > LONGEST_PAYLOAD or behind > end or not plausible(head, position(self.n, at), tag):
            return None
        if crc32c(head[4:], crc32c(self.data[at + FRAME:behind])) != number(head, 0, 4):
            return None
        return Frame(self, at, head, self.data[at + FRAME:at + FRAME + length], behind)


def dictionary(frame):
    """Number and content of a dictionary."""
    payload = frame.payload
    if len(payload) <= 16:
        raise frame.damage("a dictionary without a content")
    name, size, stored = number(payload, 0, 4), number(payload, 4, 4), payload[16:]
    if not 1 <= size <= 65536 or len(stored) > size:
        raise frame.damage(f"a dictionary of {size} bytes in {len(stored)}")
    content = stored if len(stored) == size else inflate(stored, size)
    if name == 0 or crc32c(content) & 0x7FFFFFFF != name:
        raise frame.damage(f"a dictionary that is not number {name}")
    return name, content


def plausible(head, place, tag):
    """Conditions 2 to 5 of a frame."""
    return (number(head, 8, 8) == place and number(head, 16, 8) <= place and head[24] != 0
            and number(head, 28, 4) == tag)


class Frame:
    def __init__(self, segment, at, head, payload, behind):
        self.segment, self.at, self.payload, self.behind = segment, at, payload, behind
        self.synced = number(head, 16, 8)
        self.kind = head[24]

    def damage(self, what, at=0):
        return Damage(self.segment.path, self.at + FRAME + at, what)


class Log:
    """The segments of a store. `reached` is how far a superblock says that the log goes, or 0; `superblock_bytes`,
    whether there is a superblock with any bytes."""

    def __init__(self, store, reached=0, superblock_bytes=False):
        self.folder = os.path.join(store, "segments")
        self.segments = {}
        for name in sorted(os.listdir(self.folder)) if os.path.isdir(self.folder) else []:
            if re.fullmatch(r"[0-9]{12}\.seg", name) and int(name[:12]) > 0:
                self.segments[int(name[:12])] = Segment(os.path.join(self.folder, name), int(name[:12]))
        self.last = max(self.segments, default=0)
        self.uuid = None
        self.tag = 0
        for segment in list(self.segments.values()):
            self._read_header(segment, reached)
        if self.last == 0 and superblock_bytes:
            raise Damage(self.folder, 0, "there is a superblock and no segment")

    def _read_header(self, segment, reached):
        wrong = segment.read_header()
        if wrong is None and self.uuid is None:
            self.uuid = segment.uuid
            self.tag = segment.uuid[1] & 0xFFFFFFFF
        if wrong is None and segment.uuid != self.uuid:
            wrong = Damage(segment.path, 16, "the segment is of another store")
        if wrong is None:
            return
        began = any(segment.data[HEADER:]) or reached >= position(segment.n, 0)
        if segment.n != self.last or began or self._ends_with_footer(segment.n - 1):
            raise wrong
        del self.segments[segment.n]
        self.last = max(self.segments, default=0)

    def is_whole_from(self, n):
        return n <= self.last and all(i in self.segments for i in range(n, self.last + 1))

    def check_needed(self, account):
        """What must be there is there: the segments that the account names, and none but these have bodies."""
        for n, end in account.segments.items():
            if n not in self.segments:
                raise Damage(self.folder, 0, f"segment {n} is missing")
            if end and self.end(n) not in (None, end):
                raise Damage(self.segments[n].path, end, f"the frames are to end here, and not at {self.end(n)}")
        for mailbox in account.mailboxes.values():
            for uid, message in mailbox.messages.items():
                if message.position >> 32 not in account.segments:
                    raise Damage(self.folder, 0, f"message {uid} stands in segment {message.position >> 32}, given up")

    def end(self, n):
        """Where the frames of a segment end, by the header of the next one; None where there is none."""
        return self.segments[n + 1].previous_end if n + 1 in self.segments else None

    def _ends_with_footer(self, n):
        if n not in self.segments:
            return False
        at, frame = HEADER, None
        while (next_frame := self.segments[n].frame(at, self.tag)) is not None:
            at, frame = next_frame.behind, next_frame
        return frame is not None and frame.kind == FOOTER

    def commits(self, begin):
        """The frames of commits from a position on, in order. What segment and footer say of themselves is checked
        where a segment is read from its begin."""
        first, offset = begin >> 32, begin & 0xFFFFFFFF
        if self.last == 0 and begin == position(1, HEADER):
            return
        for n in range(first, max(self.last, first) + 1):
            if n not in self.segments:
                raise Damage(self.folder, 0, f"segment {n} is missing, of the log from {first}:{offset} on")
            segment = self.segments[n]
            contents = Contents(segment)
            start = offset if n == first else HEADER
            if start > len(segment.data):
                raise Damage(segment.path, len(segment.data), f"the segment ends before {n}:{start}")
            for frame in self._frames(segment, start):
                contents.add(frame, self)
                if frame.kind == COMMIT:
                    yield frame
            contents.check(start)

    def _frames(self, segment, at):
        """A segment's frames from an offset on, its footer included."""
        if segment.n < self.last:
            end = self.end(segment.n)
            if at > end:
                raise Damage(segment.path, end, f"the frames end here, before {segment.n}:{at}")
            while at < end:
                frame = segment.frame(at, self.tag, min(end, len(segment.data)))
                if frame is None or frame.kind == FOOTER:
                    raise Damage(segment.path, at, "no valid frame begins here")
                yield frame
                at = frame.behind
            footer = segment.frame(end, self.tag)
            if footer is not None and footer.kind == FOOTER:
                yield footer
            return
        while (frame := segment.frame(at, self.tag)) is not None:
            if frame.kind == FOOTER:
                raise Damage(segment.path, at, "a footer, and no segment follows: the ones behind are gone")
            yield frame
            at = frame.behind
        self._check_tail(segment, at)

    def _check_tail(self, segment, end):
        """Damage, if what stands behind the log's end proves that the log was once on disk there."""
        data = segment.data
        tag = self.tag.to_bytes(4, "little")
        at = data.find(tag, end + 8 + 28)
        while at >= 0:
            start = at - 28
            if start % 8 == 0:
                frame = segment.frame(start, self.tag)
                if frame is not None and frame.synced > position(segment.n, end):
                    raise Damage(segment.path, end, f"no valid frame begins here, and the one at {start} was made "
                                 "when the log was on disk further than this")
            at = data.find(tag, at + 1)

    def body_hash(self, place, size):
        """The SHA-256 of the message at a position, which is to have so many bytes."""
        n, at = place >> 32, place & 0xFFFFFFFF
        if n not in self.segments:
            raise Damage(self.folder, 0, f"a message stands at {n}:{at}, and there is no such segment")
        data, path = self.segments[n].data, self.segments[n].path
        head = data[at:at + FRAME]
        payload, length = at + FRAME, number(head, 4, 4)
        if (len(head) < FRAME or not plausible(head, place, self.tag) or head[24] not in (MESSAGE, SMALL_MESSAGE)
                or payload + length > len(data)):
            raise Damage(path, at, "no message's frame")
        if head[24] == SMALL_MESSAGE:
            return self._hash_small(n, at, size)
        count = number(data, payload + 12, 4)
        headsize = 32 + 8 * count
        if length < 32 or number(data, payload + 4, 4) != headsize or headsize > length:
            raise Damage(path, payload, "the message's head has a wrong size")
        if crc32c(data[payload + 4:payload + headsize]) != number(data, payload, 4):
            raise Damage(path, payload, "the checksum of the message's head does not hold")
        if number(data, payload + 8, 4) != size or size > LONGEST_BODY or count != (size + CHUNK - 1) // CHUNK:
            raise Damage(path, payload, f"the message has {number(data, payload + 8, 4)} bytes, and not {size}")
        if number(data, payload + 28, 4) != 0:
            raise Damage(path, payload, "the message's dictionary is not known")
        return self._hash_chunks(data, path, payload, length, size, count)

    def _hash_small(self, n, at, size):
        frame = self.segments[n].frame(at, self.tag)
        if frame is None:
            raise Damage(self.segments[n].path, at, "the checksum of the message's frame does not hold")
        if len(frame.payload) < 8:
            raise frame.damage("a message without a head")
        summary, body, word = (number(frame.payload, at, count) for at, count in ((0, 2), (2, 2), (4, 4)))
        block = frame.payload[8:]
        if body != size or max(summary, body) > LONGEST_SMALL or len(block) > summary + body:
            raise frame.damage(f"a message of {body} bytes with a summary of {summary} in {len(block)}, and not of {size}")
        try:
            if len(block) == summary + body:
                content = block
            else:
                content = inflate(block, summary + body, self.segments[n].dictionary(word, self.tag) if word else b"")
        except ValueError as error:
            raise frame.damage(f"the message: {error}", 8) from None
        return hashlib.sha256(content[summary:]).hexdigest()

    def _hash_chunks(self, data, path, payload, length, size, count):
        at = payload + 32 + 8 * count
        summary = data[at:at + number(data, payload + 16, 4)]
        if crc32c(summary) != number(data, payload + 24, 4):
            raise Damage(path, at, "the checksum of the message's summary does not hold")
        at += len(summary)
        digest = hashlib.sha256()
        for i in range(count):
            word, crc = number(data, payload + 32 + 8 * i, 4), number(data, payload + 36 + 8 * i, 4)
            stored = data[at:at + (word & 0x7FFFFFFF)]
            full = min(CHUNK, size - i * CHUNK)
            if crc32c(stored) != crc:
                raise Damage(path, at, f"the checksum of chunk {i} does not hold")
            if (len(stored) == full) != (word >> 31 == 1) or len(stored) > full:
                raise Damage(path, at, f"chunk {i} has a wrong length")
            try:
                digest.update(stored if word >> 31 else inflate(stored, full))
            except ValueError as error:
                raise Damage(path, at, f"chunk {i}: {error}") from None
            at += len(stored)
        if at != payload + length:
            raise Damage(path, payload, "head, summary and chunks do not fill the message's payload")
        return digest.hexdigest()


class Contents:
    """What is counted of a segment that is read from its begin, to be compared with its header and footer."""

    def __init__(self, segment):
        self.segment = segment
        self.modseqs = []
        self.messages = self.bytes = 0
        self.footer = None

    def add(self, frame, log):
        if frame.kind == COMMIT:
            self.modseqs.append(number(frame.payload, 0, 8))
        elif frame.kind in (MESSAGE, SMALL_MESSAGE):
            self.messages += 1
            self.bytes += frame.behind - frame.at
        elif frame.kind == FOOTER:
            self.footer = frame

    def check(self, start):
        if start != HEADER:
            return
        if self.modseqs and self.modseqs[0] != self.segment.first_modseq:
            raise Damage(self.segment.path, 40, f"the first commit is to be {self.segment.first_modseq}, "
                         f"and is {self.modseqs[0]}")
        if self.footer is None:
            return
        fields = Fields(self.footer.payload)
        try:
            said = [fields.number(8), fields.number(8), fields.number(4), fields.number(4), fields.number(8)]
            fields.take(8)
            digest = fields.take(32)
        except ValueError as error:
            raise self.footer.damage(f"a footer that is too short: {error}") from None
        first, last = (self.modseqs[0], self.modseqs[-1]) if self.modseqs else (0, 0)
        if said != [first, last, len(self.modseqs), self.messages, self.bytes]:
            raise self.footer.damage(f"the footer counts {said}, and there are "
                                     f"{[first, last, len(self.modseqs), self.messages, self.bytes]}")
        if hashlib.sha256(self.segment.data[:self.footer.at]).digest() != digest:
            raise self.footer.damage("the footer's SHA-256 is not that of the bytes before it", 40)
