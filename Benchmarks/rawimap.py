"""An IMAP client that costs as little as Python allows: a prepared command out, everything up to its tagged response in.
Nothing is parsed while the clock runs."""

import re
import socket
import statistics
import threading
import time

from scenario import expect

TIMEOUT = 600
# A write that is in flight without waiting for answers: less than what two sockets' buffers hold of answers.
WINDOW = 500


class Client:
    def __init__(self, port, user, password):
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Without a timeout Python waits in the kernel's recv, not in poll before it.
        self.socket.settimeout(None)
        self.buffer = bytearray(1 << 20)
        self.serial = 0
        self.receive(b"*")
        self.command('LOGIN "%s" "%s"' % (user, password))

    def receive(self, tag):
        """Takes bytes until they end with a whole line that begins with this tag. Returns how many."""
        got = 0
        prefix = tag + b" "
        while True:
            if got == len(self.buffer):
                self.buffer.extend(bytes(len(self.buffer)))
            count = self.socket.recv_into(memoryview(self.buffer)[got:])
            if count == 0:
                raise ConnectionError("the server has closed the connection: %r" % bytes(self.buffer[:got][-300:]))
            got += count
            if self.buffer[got - 1] == 10:
                line = self.buffer.rfind(b"\n", 0, got - 1) + 1
                if self.buffer.startswith(prefix, line):
                    return got

    def timed(self, command):
        """Seconds from the first byte out to the last one in, and the bytes that came."""
        self.serial += 1
        tag = b"t%d" % self.serial
        data = tag + b" " + command.encode() + b"\r\n"
        started = time.perf_counter()
        self.socket.sendall(data)
        got = self.receive(tag)
        seconds = time.perf_counter() - started
        answer = bytes(memoryview(self.buffer)[:got])
        last = answer[answer.rfind(b"\n", 0, -1) + 1:]
        expect(last.startswith(tag + b" OK"), "%s: %r", command[:200], last)
        return seconds, answer

    def command(self, command):
        return self.timed(command)[1]

    def pipeline(self, commands):
        """Many commands, of bytes without their tags, none of which waits for the one before. All have to be OK."""
        window = []
        for command in commands:
            window.append(command)
            if len(window) == WINDOW:
                self.flush(window)
                window = []
        if window:
            self.flush(window)

    def flush(self, window):
        first = self.serial + 1
        self.serial += len(window)
        data = b"".join(b"t%d %s\r\n" % (first + index, command) for index, command in enumerate(window))
        # The answers are taken meanwhile: no server has to keep them all.
        sender = threading.Thread(target=self.socket.sendall, args=(data,))
        sender.start()
        got = self.receive(b"t%d" % self.serial)
        sender.join()
        answer = bytes(memoryview(self.buffer)[:got])
        done = re.findall(rb"(?m)^t\d+ OK", answer)
        failed = re.findall(rb"(?m)^t\d+ (?:NO|BAD).*", answer)
        expect(len(done) == len(window), "a pipelined command failed: %r", failed[:3])

    def close(self):
        self.command("LOGOUT")
        self.socket.close()


def append(mailbox, message, flags=""):
    """An APPEND for `pipeline`, with a literal that waits for nobody (RFC 7888)."""
    return b'APPEND "%s" (%s) {%d+}\r\n%s' % (mailbox.encode(), flags.encode(), len(message), message)


def code(answer, name):
    """The number of a response code such as UIDVALIDITY."""
    found = re.search(rb"\[%s (\d+)\]" % name.encode(), answer)
    expect(found, "no %s in %r", name, answer[-500:])
    return int(found.group(1))


def uid_set(text):
    uids = set()
    for part in text.split(b","):
        first, _, last = part.partition(b":")
        uids.update(range(int(first), int(last or first) + 1))
    return uids


def changes(answer):
    """What a synchronisation says: the flags of changed messages by UID, and the UIDs that vanished."""
    changed, vanished = {}, set()
    for uids in re.findall(rb"(?m)^\* VANISHED \(EARLIER\) ([\d,:]+)\r$", answer):
        vanished |= uid_set(uids)
    for items in re.findall(rb"(?m)^\* \d+ FETCH \((.*)\)\r$", answer):
        uid, flags = re.search(rb"\bUID (\d+)", items), re.search(rb"\bFLAGS \(([^)]*)\)", items)
        expect(uid and flags and b"MODSEQ (" in items, "a FETCH without UID, FLAGS or MODSEQ: %r", items)
        changed[int(uid.group(1))] = frozenset(flags.group(1).split()) - {b"\\Recent"}
    return changed, vanished


def exchange(size, chunk=1 << 16):
    """Seconds that the bare sockets of loopback need to ask for this many bytes and to bring them, median of nine: what
    no server can be faster than."""
    listener = socket.create_server(("127.0.0.1", 0))
    data = bytes(min(size, chunk))

    def answer():
        with listener.accept()[0] as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while connection.recv(1):
                left = size
                while left:
                    left -= connection.send(data[:left])

    thread = threading.Thread(target=answer)
    thread.start()
    seconds, buffer = [], bytearray(1 << 20)
    with socket.create_connection(listener.getsockname()) as client:
        for _ in range(9):
            started, left = time.perf_counter(), size
            client.sendall(b"?")
            while left:
                left -= client.recv_into(buffer)
            seconds.append(time.perf_counter() - started)
    thread.join()
    listener.close()
    return statistics.median(seconds)
