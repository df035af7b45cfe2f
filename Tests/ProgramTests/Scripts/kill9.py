#!/usr/bin/env python3
"""kill -9 while several clients write, many times over: what was acknowledged is there exactly, what was in flight is there
whole or not at all, no UID is used twice, UIDNEXT never goes back, UIDVALIDITY stays.

Each message belongs to one writer, which keeps a journal of it: what the server has acknowledged, and the one command that
it had sent and not heard of when the server was killed.
"""

import functools
import os
import random
import threading
import time

import scenario
import wire
from scenario import PASSWORD, Failure, expect, expect_equal

BOXES = ["INBOX", "Work", "Archive/Old"]
FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "\\Draft", "$Label1", "done"]
WRITERS = 4
LIVE_MESSAGES = 60  # Of each writer; beyond it rather expunges.


class Copy:
    """A message in a mailbox, as the server has acknowledged it."""

    def __init__(self, writer, serial, flags):
        self.writer = writer
        self.serial = serial
        self.flags = frozenset(flags)

    def with_flags(self, flags):
        return Copy(self.writer, self.serial, flags)

    @property
    def content(self):
        return content(self.writer, self.serial)


@functools.lru_cache(maxsize=2000)
def content(writer, serial):
    """A message that no other has; mostly small, now and then of several hundred KB."""
    rng = random.Random(writer * 1_000_003 + serial)
    size = rng.choice([50, 300, 300, 2000, 9000] if rng.random() < 0.97 else [100_000, 300_000])
    digits = rng.randbytes(size // 2).hex().encode()
    text = b"".join(digits[at:at + 60] + b"\r\n" for at in range(0, size, 60))
    return b"Subject: writer %d message %d\r\nMessage-ID: <%d.%d@example.org>\r\n\r\n" % (
        writer, serial, writer, serial) + text


def owner(data):
    """(writer, serial) of a message's bytes."""
    words = data.split(b"\r\n", 1)[0].split()
    return int(words[2]), int(words[4])


class InFlight:
    """A command without an answer: it has been done as a whole, or not at all.

    `before`: (mailbox, uid) to Copy as it was. `after`: (mailbox, uid) to Copy or None (gone); what gets a UID that is not
    known yet is in `arrivals`, a list of (mailbox, Copy).
    """

    def __init__(self, name, before, after, arrivals=()):
        self.name = name
        self.before = before
        self.after = after
        self.arrivals = list(arrivals)


class Writer:
    def __init__(self, number, seed, history):
        self.number = number
        self.history = history
        self.random = random.Random(seed)
        self.serial = 0
        self.copies = {}
        self.in_flight = None
        self.acknowledged = 0
        self.client = None
        self.box = None
        self.error = None

    def run(self, port):
        """Writes until the connection breaks."""
        self.box = None
        try:
            self.client = wire.Client(port)
            self.client.login("alice", PASSWORD)
            while True:
                self.step()
        except (OSError, EOFError):
            pass  # Killed.
        except Failure as failure:
            self.error = failure

    def command(self, command):
        answer = self.client.command(command)
        self.acknowledged += 1
        return answer

    def select(self):
        box = self.random.choice(BOXES)
        if box != self.box:
            self.client.command('SELECT "%s"' % box)
            self.box = box

    def some(self, limit):
        """Some own messages of the selected mailbox."""
        mine = [key for key in self.copies if key[0] == self.box]
        return sorted(self.random.sample(mine, min(len(mine), self.random.randint(1, limit))))

    def step(self):
        if self.box is None or self.random.random() < 0.15:
            self.select()
        choice = self.random.random()
        if choice < 0.4 and len(self.copies) < LIVE_MESSAGES:
            return self.append()
        keys = self.some(12)
        if not keys:
            return self.select() if self.copies and self.random.random() < 0.5 else self.append()
        if len(self.copies) >= LIVE_MESSAGES or choice < 0.5:
            self.expunge(keys)
        elif choice < 0.75:
            self.store(keys)
        elif choice < 0.9:
            self.transfer(keys, "MOVE")
        else:
            self.transfer(keys[:2], "COPY")

    def append(self):
        self.serial += 1
        box, flags = self.random.choice(BOXES), self.some_flags()
        copy = Copy(self.number, self.serial, flags)
        self.in_flight = InFlight("APPEND", {}, {}, [(box, copy)])
        answer = self.client.append('"%s"' % box, copy.content, flags, plus=self.random.random() < 0.7)
        self.acknowledged += 1
        self.arrived((box, int(answer.code("APPENDUID").split()[1])), copy)
        self.in_flight = None

    def some_flags(self):
        return sorted(self.random.sample(FLAGS, self.random.randint(0, 3)))

    def store(self, keys):
        flags, how = self.some_flags(), self.random.choice(["FLAGS", "+FLAGS", "-FLAGS"])
        before = {key: self.copies[key] for key in keys}
        after = {}
        for key, copy in before.items():
            new = {"FLAGS": set(flags), "+FLAGS": copy.flags | set(flags), "-FLAGS": copy.flags - set(flags)}[how]
            after[key] = copy.with_flags(new)
        self.change("UID STORE %s %s.SILENT (%s)" % (uids(keys), how, " ".join(flags)), before, after)

    def expunge(self, keys):
        before = {key: self.copies[key] for key in keys}
        marked = {key: copy.with_flags(copy.flags | {"\\Deleted"}) for key, copy in before.items()}
        self.change("UID STORE %s +FLAGS.SILENT (\\Deleted)" % uids(keys), before, marked)
        self.change("UID EXPUNGE %s" % uids(keys), marked, {key: None for key in keys})

    def change(self, command, before, after):
        self.in_flight = InFlight(command, before, after)
        self.command(command)
        self.apply(after)
        self.in_flight = None

    def transfer(self, keys, verb):
        target = self.random.choice([box for box in BOXES if box != self.box])
        before = {key: self.copies[key] for key in keys}
        gone = {key: None for key in keys} if verb == "MOVE" else {}
        command = 'UID %s %s "%s"' % (verb, uids(keys), target)
        self.in_flight = InFlight(command, before, gone, [(target, before[key]) for key in keys])
        _, source, destination = self.command(command).code("COPYUID").split()
        source, destination = numbers(source), numbers(destination)
        expect_equal(source, [uid for _, uid in keys], "COPYUID's source after " + command)
        expect_equal(len(destination), len(keys), "COPYUID's destination after " + command)
        self.apply(gone)
        for key, uid in zip(keys, destination):
            self.arrived((target, uid), before[key])
        self.in_flight = None

    def arrived(self, key, copy):
        self.history.use(key, copy)
        self.copies[key] = copy

    def apply(self, after):
        for key, copy in after.items():
            if copy is None:
                self.copies.pop(key, None)
            else:
                self.copies[key] = copy

    # After the crash

    def settle(self, state):
        """Compares what the server has of this writer's messages with the journal, and takes the outcome of the command that
        was in flight into it.

        `state`: (mailbox, uid) to (owner, flags) of all messages that are this writer's.
        """
        command, self.in_flight = self.in_flight, None
        if command:
            new = {key for key in state if key not in self.copies}
            done = bool(new) if command.arrivals else all(
                self.matches(state.get(key), copy) for key, copy in command.after.items())
            if done:
                self.take_arrivals(command, new, state)
                self.apply(command.after)
        for key in sorted(set(state) | set(self.copies)):
            if not self.matches(state.get(key), self.copies.get(key)):
                raise Failure("writer %d, message %s UID %d: the server has %s, acknowledged is %s; in flight was %s" % (
                    self.number, *key, describe(state.get(key)), describe(self.copies.get(key)),
                    command.name if command else "nothing"))

    def take_arrivals(self, command, new, state):
        expected = sorted((box, copy.serial) for box, copy in command.arrivals)
        found = sorted((key[0], state[key][0][1]) for key in new)
        expect_equal(found, expected, "writer %d: messages that came with %s, which was in flight" % (
            self.number, command.name))
        waiting = list(command.arrivals)
        for key in sorted(new):
            index = next(i for i, (box, copy) in enumerate(waiting) if box == key[0] and copy.serial == state[key][0][1])
            self.copies[key] = waiting.pop(index)[1]

    def matches(self, found, copy):
        if found is None or copy is None:
            return found is None and copy is None
        return found == ((copy.writer, copy.serial), copy.flags)


def describe(value):
    if value is None:
        return "no such message"
    if isinstance(value, Copy):
        value = ((value.writer, value.serial), value.flags)
    return "message %d.%d with (%s)" % (*value[0], " ".join(sorted(value[1])))


def uids(keys):
    return ",".join(str(uid) for _, uid in keys)


def numbers(text):
    """The numbers of a UID set."""
    result = []
    for item in text.split(","):
        first, _, last = item.partition(":")
        result += range(int(first), int(last or first) + 1)
    return result


class History:
    """What was ever seen of the mailboxes, over all rounds."""

    def __init__(self):
        self.validity = {}
        self.next = {}
        self.used = {}
        self.lock = threading.Lock()

    def use(self, key, copy):
        """A writer has been told that this copy has this UID: nobody ever had it before."""
        box, uid = key
        message = (copy.writer, copy.serial)
        with self.lock:
            expect(key not in self.used, "UID %d in %s is given a second time", uid, box)
            self.used[key] = message
            self.next[box] = max(self.next.get(box, 1), uid + 1)

    def check(self, box, validity, uid_next, messages):
        """The mailbox as it is after a crash, `messages` as UID to (owner, flags)."""
        expect_equal(validity, self.validity.setdefault(box, validity), "UIDVALIDITY of " + box)
        expect(uid_next >= self.next.get(box, 1), "UIDNEXT of %s goes back from %d to %d", box, self.next.get(box), uid_next)
        self.next[box] = uid_next
        for uid, (message, _) in messages.items():
            expect(uid < uid_next, "UID %d in %s is not below UIDNEXT %d", uid, box, uid_next)
            expect_equal(message, self.used.setdefault((box, uid), message), "who has UID %d in %s" % (uid, box))


def look(server, writers, history):
    """Reads everything, checks what must hold of it, and sorts it by writer."""
    client = wire.Client(server.port)
    client.login("alice", PASSWORD)
    state = {writer.number: {} for writer in writers}
    for box in BOXES:
        answer = client.command('EXAMINE "%s"' % box)
        validity, uid_next = int(answer.code("UIDVALIDITY")), int(answer.code("UIDNEXT"))
        count = answer.of("EXISTS")[0].number
        messages = {}
        if count:
            for item in client.command("FETCH 1:* (UID FLAGS RFC822.SIZE BODY.PEEK[])").fetches:
                data, uid = item.items["BODY[]"], item.items["UID"]
                message = owner(data)
                expect_equal(data, content(*message), "message %r in %s, UID %d" % (message, box, uid))
                expect_equal(item.items["RFC822.SIZE"], len(data), "RFC822.SIZE")
                messages[uid] = (message, item.flags - {"\\Recent"})
        expect_equal(len(messages), count, "messages of %s" % box)
        history.check(box, validity, uid_next, messages)
        for uid, value in messages.items():
            state[value[0][0]][(box, uid)] = value
    client.logout()
    return state


def check(s, arguments):
    data = s.new_data("alice")
    account = os.path.join(data, "accounts", "alice")
    history = History()
    writers = [Writer(number, s.seed * 100 + number, history) for number in range(WRITERS)]
    with s.serve(data) as server:
        client = wire.Client(server.port)
        client.login("alice", PASSWORD)
        for box in BOXES[1:]:
            client.command('CREATE "%s"' % box)
        client.logout()
    in_flight = 0
    for number in range(arguments.rounds):
        server = s.serve(data)
        threads = [threading.Thread(target=writer.run, args=(server.port,)) for writer in writers]
        before = [writer.acknowledged for writer in writers]
        for thread in threads:
            thread.start()
        # The moment counts from when all of them are at work.
        deadline = time.monotonic() + scenario.PATIENCE
        while any(writer.acknowledged == count and thread.is_alive()
                  for writer, count, thread in zip(writers, before, threads)) and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(s.random.uniform(0, 0.3))
        server.kill()
        for thread in threads:
            thread.join()
        for writer in writers:
            if writer.error:
                raise Failure("round %d, writer %d: %s" % (number, writer.number, writer.error))
        for writer, count in zip(writers, before):
            expect(writer.acknowledged > count, "round %d: writer %d wrote nothing", number, writer.number)
        in_flight += sum(writer.in_flight is not None for writer in writers)
        if s.random.random() < 0.1:
            # The index holds nothing that the log does not.
            os.remove(os.path.join(account, "index"))
        if s.random.random() < 0.1:
            # What the crash left is no damage, even before the next start cuts it off.
            s.dump(account)
        server = s.serve(data)
        try:
            state = look(server, writers, history)
            for writer in writers:
                writer.settle(state[writer.number])
        except Failure as failure:
            raise Failure("round %d: %s" % (number, failure)) from None
        # Now and then also an end as it should be, and now and then a second crash, of a server that only recovered.
        if s.random.random() < 0.5:
            server.stop()
        else:
            server.check_log()
            server.kill()
    with s.serve(data) as server:
        look(server, writers, history)
    s.check_store(data, "alice")
    print("%d rounds, %d changes acknowledged, %d in flight when the server was killed, %d messages now" % (
        arguments.rounds, sum(writer.acknowledged for writer in writers), in_flight,
        sum(len(writer.copies) for writer in writers)))


if __name__ == "__main__":
    scenario.main(__doc__, check, lambda parser: parser.add_argument("--rounds", type=int, default=50))
