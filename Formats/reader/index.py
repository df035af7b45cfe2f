"""Superblock and index: the account as it was at the last checkpoint (Formats/superblock.md, index.md)."""

import os

from primitives import Damage, Refused, crc32c, number, other_major, read_file

PAGE = 4096
MAILBOXES, NAMES, MAILBOX_CHANGES, UID, CHANGED, VANISHED, SUBSCRIPTIONS, KEYWORDS, SEGMENTS = range(1, 10)
HEADER_PAGE, FREE_LIST, ROW_LEAF, ROW_INNER, CELL_LEAF, CELL_INNER = range(1, 7)
DEAD = 1 << 15

# Row pages: bytes of a key; of a leaf, how many rows, and where hot and cold fields are; of an inner page, how many
# rows, and where children, live and unseen counts are.
ROWS = {
    UID: (8, 72, (608, 8), (1184, 40), 203, 1656, 2468, 3280),
    CHANGED: (16, 203, (3280, 4), (0, 0), 145, 2352, 2932, 3512),
    VANISHED: (16, 203, (3280, 4), (0, 0), 145, 2352, 2932, 3512),
    MAILBOX_CHANGES: (16, 254, (0, 0), (0, 0), 145, 2352, 2932, 3512),
}


class NoIndex(Refused):
    """There is no index that the superblock speaks of: the engine would build one from the log."""


class Superblock:
    """A slot of the superblock."""

    def __init__(self, data):
        self.uuid = (number(data, 16, 8), number(data, 24, 8))
        self.sequence, self.modseq, self.position = (number(data, at, 8) for at in (32, 40, 48))
        self.index, self.pages, self.free = number(data, 56, 8), number(data, 64, 4), number(data, 68, 4)
        self.next_mailbox, self.uidvalidity = number(data, 72, 4), number(data, 76, 4)
        self.next_identity, self.dead = number(data, 80, 8), number(data, 88, 8)
        self.page_size = number(data, 96, 4)
        self.dead_bytes = number(data, 4080, 8) if number(data, 8, 2) > 1 else 0
        # Major version 1 does not have the last tree: one of that code is another one, which is not known.
        self.known = KEYWORDS if number(data, 8, 2) == 1 else SEGMENTS
        count = number(data, 100, 4)
        self.roots = [(number(data, 104 + 8 * i, 4), number(data, 108 + 8 * i, 4)) for i in range(min(count, 257))]

    def is_valid(self, slot):
        top = 2**63 - 1
        return (self.page_size == PAGE and self.known <= len(self.roots) <= 256
                and all(height <= 16 for _, height in self.roots)
                and self.position >> 32 >= 1 and self.position & 0xFFFFFFFF >= 64
                and self.modseq <= top
                and max(self.sequence, self.index, self.next_identity, self.dead, self.dead_bytes) < top
                and self.next_mailbox >= 1 and self.next_identity >= 1
                and self.sequence >= 1 and self.sequence & 1 == slot)


def read_superblock(store):
    """The slot that holds, or None; and whether the file has any bytes."""
    path = os.path.join(store, "superblock")
    data = read_file(path) or b""
    best = None
    for slot in (0, 1):
        page = data[PAGE * slot:PAGE * (slot + 1)]
        if page[:8] != b"VARVESB1" or len(page) < PAGE or crc32c(page[:PAGE - 4]) != number(page, PAGE - 4, 4):
            continue
        other = other_major(path, number(page, 8, 2), number(page, 10, 2))
        if other:
            raise other
        found = Superblock(page)
        if found.is_valid(slot) and (best is None or found.sequence > best.sequence):
            best = found
    return best, len(data) > 0


class Index:
    """The pages that a superblock's roots reach, all of them checked."""

    def __init__(self, store, superblock):
        self.path = os.path.join(store, "index")
        self.superblock = superblock
        self.tag = superblock.uuid[1] & 0xFFFFFFFF
        self.seen = {0}
        self.data = read_file(self.path)
        if self.data is None or len(self.data) < PAGE * max(superblock.pages, 1) or superblock.index == 0:
            raise NoIndex(f"{self.path}: there is no index with the superblock's pages")
        self._check_header()
        self._read_free_list()

    def damage(self, n, what):
        return Damage(self.path, PAGE * n, f"page {n}: {what}")

    def _check_header(self):
        page = self.data[:PAGE]
        other = other_major(self.path, number(page, 40, 2), number(page, 42, 2))
        if page[32:40] != b"VARVIDX1" or other:
            raise NoIndex(str(other or f"{self.path}: no header page"))
        try:
            self._check_sums(0, page)
        except Damage as error:
            raise NoIndex(str(error)) from None
        if (number(page, 48, 8), number(page, 56, 8)) != self.superblock.uuid:
            raise NoIndex(f"{self.path}: it is of another store than the superblock")
        if number(page, 64, 8) != self.superblock.index:
            raise NoIndex(f"{self.path}: index {number(page, 64, 8)}, where the superblock's is {self.superblock.index}")

    def _check_sums(self, n, page):
        if crc32c(page[4:]) != number(page, 0, 4):
            raise self.damage(n, "the checksum does not hold")
        if number(page, 24, 4) != self.tag or number(page, 12, 4) != n:
            raise self.damage(n, "a page of another place or another store")
        if number(page, 16, 8) > self.superblock.modseq:
            raise self.damage(n, "a page that is younger than the superblock")

    def page(self, n):
        """A page that nothing has reached yet, checked but for its contents."""
        if not 0 < n < self.superblock.pages or n in self.seen:
            raise self.damage(n, "reached twice, or outside of the index")
        self.seen.add(n)
        page = self.data[PAGE * n:PAGE * (n + 1)]
        self._check_sums(n, page)
        return page

    def _read_free_list(self):
        self.free = []
        n = self.superblock.free
        while n:
            page, at = self.page(n), n
            count = number(page, 6, 2)
            if page[4:6] != bytes([FREE_LIST, 0]) or number(page, 8, 2) != 0 or count > 1014:
                raise self.damage(at, "no page of the free list")
            self.free += [number(page, 40 + 4 * i, 4) for i in range(count)]
            n = number(page, 32, 4)
        if any(a >= b for a, b in zip(self.free, self.free[1:])):
            raise self.damage(self.superblock.free, "the free list does not ascend")

    def check_whole(self):
        """Each page is reached or free, once; not known where there are trees whose form is not."""
        free = set(self.free)
        if free & self.seen or any(not 0 < n < self.superblock.pages for n in free):
            raise self.damage(self.superblock.free, "a page is free, and reached or outside of the index")
        unknown = any(height for _, height in self.superblock.roots[self.superblock.known:])
        if not unknown and len(free) + len(self.seen) != self.superblock.pages:
            raise self.damage(0, f"of {self.superblock.pages} pages {len(self.seen)} are reached and {len(free)} free")

    def entries(self, tree):
        """(key, value) of a tree's leaves, in order: numbers and columns of rows, bytes of cells."""
        root, height = self.superblock.roots[tree - 1] if tree <= self.superblock.known else (0, 0)
        found = []
        if height:
            self._descend(tree, root, height - 1, None, None, found)
        return found

    def _descend(self, tree, n, level, low, high, found):
        """Adds what is beneath a page; gives how many (live) entries that are, and how many of them are unseen."""
        page = self.page(n)
        leaf, inner = (ROW_LEAF, ROW_INNER) if tree in ROWS else (CELL_LEAF, CELL_INNER)
        if page[4] != (inner if level else leaf) or page[5] != level or number(page, 8, 2) != tree:
            raise self.damage(n, f"no page of tree {tree} on level {level}")
        children = self._rows(tree, n, page, level) if tree in ROWS else self._cells(n, page, level)
        if not level:
            keys = [key for key, _ in children]
            if (any(a >= b for a, b in zip(keys, keys[1:])) or (low is not None and keys[0] < low)
                    or (high is not None and keys[-1] >= high)):
                raise self.damage(n, "keys that do not ascend")
            found += children
            if tree != UID:
                return (len(children), 0) if tree not in ROWS else (0, 0)
            alive = [number(hot, 0, 2) for _, (hot, _) in children if not number(hot, 0, 2) & DEAD]
            return len(alive), sum(not flags & 1 for flags in alive)
        total = [0, 0]
        for i, (key, (child, *said)) in enumerate(children):
            counts = self._descend(tree, child, level - 1, low if i == 0 else key,
                                   children[i + 1][0] if i + 1 < len(children) else high, found)
            if list(counts)[:len(said)] != said:
                raise self.damage(n, f"says {said} of its child {child}, beneath which are {counts}")
            total = [a + b for a, b in zip(total, counts)]
        return tuple(total)

    def _rows(self, tree, n, page, level):
        size, leaf, hot, cold, inner, child, live, unseen = ROWS[tree]
        count = number(page, 6, 2)
        if not 1 <= count <= (inner if level else leaf):
            raise self.damage(n, f"{count} rows")
        keys = [number(page, 32 + size * i, size) for i in range(count)]
        if level:
            return [(key, tuple(number(page, at + 4 * i, 4) for at in (child, live, unseen)))
                    for i, key in enumerate(keys)]
        return [(key, tuple(page[at + w * i:at + w * (i + 1)] for at, w in (hot, cold))) for i, key in enumerate(keys)]

    def _cells(self, n, page, level):
        count, lowest, unused = number(page, 6, 2), number(page, 10, 2), number(page, 28, 4)
        if count < 1 or not 32 + 2 * count <= lowest <= PAGE:
            raise self.damage(n, "offsets of cells reach into the cells")
        cells, used = [], 0
        for i in range(count):
            at = number(page, 32 + 2 * i, 2)
            if not lowest <= at <= PAGE - 4:
                raise self.damage(n, f"cell {i} lies outside")
            key, value = number(page, at, 2), number(page, at + 2, 2)
            if at + 4 + key + value > PAGE or (level and value != 8):
                raise self.damage(n, f"cell {i} has a wrong size")
            used += 4 + key + value
            data = page[at + 4 + key:at + 4 + key + value]
            cells.append((page[at + 4:at + 4 + key], (number(data, 0, 4), number(data, 4, 4)) if level else data))
        if lowest + used + unused != PAGE:
            raise self.damage(n, "cells that do not fill the page")
        return cells
