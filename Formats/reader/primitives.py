"""Checksums, LZ4 blocks and fields: what all of the store's files are read with (Formats/README.md, message.md)."""

import mmap

# The major versions of the format that this program reads.
MAJORS = (1, 2, 3)

POLYNOMIAL = 0x82F63B78  # Castagnoli's, reflected


class Damage(Exception):
    """Bytes that a store cannot have, and where they are."""

    def __init__(self, path, offset, what):
        super().__init__(f"{path}, offset {offset}: {what}")


class Refused(Exception):
    """A store that is whole, as far as is known, but not one that this program reads."""


def other_major(path, major, minor):
    """Why a version is not to be read; None if it is."""
    if major in MAJORS:
        return None
    readable = " and ".join(str(one) for one in MAJORS)
    return Refused(f"{path}: the store is of format version {major}.{minor}; this program reads version {readable}")


def _table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (POLYNOMIAL if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _table()


def crc32c(data, crc=0):
    """CRC-32C of `data`, going on from the sum `crc` of what stands before it."""
    crc ^= 0xFFFFFFFF
    table = _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def inflate(block, size, dictionary=b""):
    """The `size` bytes of an LZ4 block, which may copy from a dictionary before them; ValueError if it does not make just so
    many."""
    out = bytearray(dictionary)
    size += len(dictionary)
    at = 0

    def length(nibble):
        nonlocal at
        total = nibble
        more = nibble == 15
        while more:
            byte = block[at]
            at += 1
            total += byte
            more = byte == 255
        return total

    try:
        while True:
            token = block[at]
            at += 1
            literals = length(token >> 4)
            if at + literals > len(block) or len(out) + literals > size:
                raise ValueError("an LZ4 block's literals end behind it")
            out += block[at:at + literals]
            at += literals
            if at == len(block):
                break
            distance = block[at] | block[at + 1] << 8
            at += 2
            match = length(token & 15) + 4
            if not 0 < distance <= len(out) or len(out) + match > size:
                raise ValueError("an LZ4 block's match reaches outside")
            pattern = out[len(out) - distance:len(out) - distance + match]
            out += (pattern * (match // len(pattern) + 1))[:match]
    except IndexError:
        raise ValueError("an LZ4 block ends too early") from None
    if len(out) != size:
        raise ValueError(f"an LZ4 block makes {len(out) - len(dictionary)} bytes and not {size - len(dictionary)}")
    return bytes(out[len(dictionary):])


def number(data, at, size, signed=False):
    return int.from_bytes(data[at:at + size], "little", signed=signed)


class Fields:
    """Fields one behind the other; ValueError where they end too early."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise ValueError(f"{count} bytes are wanted and {len(self.data) - self.at} are left")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, size, signed=False):
        return int.from_bytes(self.take(size), "little", signed=signed)

    def string(self):
        return self.take(self.number(2)).decode("utf-8")


def read_file(path):
    """A file's bytes, mapped; None if there is no such file."""
    try:
        with open(path, "rb") as file:
            file.seek(0, 2)
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if file.tell() else b""
    except FileNotFoundError:
        return None
