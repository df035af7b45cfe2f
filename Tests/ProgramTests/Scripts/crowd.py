"""Ten connections that change one mailbox at once.

Each keeps its own idea of the mailbox from nothing but the untagged responses it was sent: EXISTS adds messages at the end,
EXPUNGE takes one away, FETCH says of one what it is. In the end each idea has to be the mailbox.
"""

import random
import threading

import wire
from scenario import PASSWORD, Failure, expect, expect_equal

CLIENTS = 10
FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "\\Draft", "work", "$Later"]


class Entry:
    """What a client knows of one message; None: not yet."""

    def __init__(self):
        self.uid = None
        self.flags = None

    def __repr__(self):
        return "%s%r" % (self.uid, sorted(self.flags or []))


class Member:
    """A client with its idea of the mailbox."""

    def __init__(self, name, port, user, seed):
        self.name = name
        self.random = random.Random(seed)
        self.client = wire.Client(port)
        self.client.login(user, PASSWORD)
        self.entries = []
        self.history = []
        self.serial = 0
        # The mailbox may have been filled before: EXISTS says with how many.
        self.do("SELECT INBOX")

    def do(self, command, tells_expunge=True):
        self.history.append(command)
        answer = self.client.command(command, status=None)
        # NO is for numbers of messages that are gone (RFC 5530 §3, EXPUNGEISSUED).
        allowed = ("OK",) if tells_expunge else ("OK", "NO")
        expect(answer.status in allowed, "%s: %s %s", command, answer.status, answer.text)
        self.take(answer, tells_expunge)

    def take(self, answer, tells_expunge=True):
        """Follows the responses of a command.

        `tells_expunge` False: the command was one in answer to which no EXPUNGE may come (RFC 3501 §7.4.1).
        """
        for item in answer.untagged:
            self.history.append(repr(item)[:100])
            self.follow(item, tells_expunge)

    def follow(self, item, tells_expunge=True):
        if item.kind == "EXISTS":
            expect(item.number >= len(self.entries), "EXISTS %d when there are %d", item.number, len(self.entries))
            self.entries += [Entry() for _ in range(item.number - len(self.entries))]
        elif item.kind == "EXPUNGE":
            expect(tells_expunge, "EXPUNGE in answer to FETCH, STORE or SEARCH")
            expect(1 <= item.number <= len(self.entries), "EXPUNGE %d of %d", item.number, len(self.entries))
            del self.entries[item.number - 1]
        elif item.kind == "FETCH":
            expect(1 <= item.number <= len(self.entries), "FETCH %d of %d", item.number, len(self.entries))
            entry = self.entries[item.number - 1]
            if "UID" in item.items:
                uid = item.items["UID"]
                expect(entry.uid in (None, uid), "message %d has UID %d, which was %s", item.number, uid, entry.uid)
                for known in [e.uid for e in self.entries[:item.number - 1] if e.uid is not None][-1:]:
                    expect(known < uid, "UID %d of message %d does not ascend", uid, item.number)
                entry.uid = uid
            if "FLAGS" in item.items:
                entry.flags = item.flags - {"\\Recent"}
        elif item.kind == "SEARCH":
            for number in item.data:
                expect(number >= 1, "SEARCH found %d", number)

    # What a mail program does

    def step(self):
        count = len(self.entries)
        choice = self.random.randrange(13) if count else 0
        if choice <= 2:
            self.append()
        elif choice == 3:
            self.learn()
        elif choice == 4:
            number = self.random.randint(1, count)
            self.do("STORE %d:%d %s (%s)" % (
                number, min(count, number + self.random.randrange(4)),
                self.random.choice(["+FLAGS", "-FLAGS", "FLAGS", "+FLAGS.SILENT"]), self.some_flags()), False)
            self.after_silent_store()
        elif choice == 5:
            self.do("UID STORE %d:* %sFLAGS (%s)" % (self.some_uid(), self.random.choice("+-"), self.some_flags()))
        elif choice == 6:
            self.do("UID STORE %d +FLAGS (\\Deleted)" % self.some_uid())
        elif choice == 7:
            self.do("EXPUNGE" if self.random.random() < 0.5 else "UID EXPUNGE %d:%d" % (self.some_uid(), self.some_uid()))
        elif choice == 8:
            self.do("UID MOVE %d Other" % self.some_uid())
        elif choice == 9:
            self.do("UID COPY %d INBOX" % self.some_uid())
        elif choice == 10:
            self.do("SEARCH %s" % self.random.choice(["ALL", "UNSEEN", "DELETED", "1:*", "KEYWORD work"]), False)
        elif choice == 11:
            number = self.random.randint(1, count)
            self.do("FETCH %d (UID FLAGS RFC822.SIZE)" % number, False)
        else:
            self.idle()

    def append(self):
        self.serial += 1
        data = ("Subject: %s %d\r\n\r\n%s\r\n" % (self.name, self.serial, "x" * self.random.randrange(300))).encode()
        self.history.append("APPEND")
        self.take(self.client.append("INBOX", data, self.some_flags().split(), plus=self.random.random() < 0.5))

    def after_silent_store(self):
        """A client that asked not to be told has to find out by itself: what it sets may not have been all there was."""
        self.do("FETCH 1:%d (UID FLAGS)" % len(self.entries), False)

    def learn(self):
        """Asks for what it does not know."""
        unknown = [i + 1 for i, entry in enumerate(self.entries) if entry.uid is None or entry.flags is None]
        if unknown:
            # Some may be gone that it has not been told of; those it gets no answer for.
            self.do("FETCH %d:%d (UID FLAGS)" % (unknown[0], unknown[-1]), False)

    def idle(self):
        tag = self.client.start("IDLE")
        self.history.append("IDLE")
        untagged = self.client.until_continuation(tag)
        for item in untagged:
            self.follow(item)
        self.client.send(b"DONE\r\n")
        self.take(self.client.finish(tag, "IDLE"))

    def some_flags(self):
        return " ".join(self.random.sample(FLAGS, self.random.randint(1, 2)))

    def some_uid(self):
        known = [entry.uid for entry in self.entries if entry.uid is not None]
        return self.random.choice(known) if known else 1


def check(s, server, user, operations):
    first = wire.Client(server.port)
    first.login(user, PASSWORD)
    first.command("CREATE Other")
    for number in range(20):
        first.append("INBOX", b"Subject: %d\r\n\r\n" % number)
    first.logout()
    members = [Member("m%d" % number, server.port, user, s.seed * 1000 + number) for number in range(CLIENTS)]
    failures = []

    def live(member):
        try:
            for _ in range(operations):
                member.step()
        except Exception as error:
            failures.append((member, error))

    threads = [threading.Thread(target=live, args=(member,)) for member in members]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for member, error in failures:
        raise Failure("%s: %s: %s\nits last lines:\n  %s" % (
            member.name, type(error).__name__, error, "\n  ".join(member.history[-25:])))
    compare(members)


def compare(members):
    """Nothing changes any more: each is told what it missed, and then knows the mailbox as it is."""
    truth = None
    for member in members:
        member.do("NOOP")
        member.learn()
        answer = member.client.command("UID FETCH 1:* (UID FLAGS)")
        news = answer.of("EXPUNGE") + answer.of("EXISTS")
        expect(not news, "%s: news after NOOP: %r", member.name, news[:5])
        mailbox = [(item.number, item.items["UID"], sorted(item.flags - {"\\Recent"})) for item in answer.fetches]
        idea = [(i + 1, entry.uid, sorted(entry.flags or [])) for i, entry in enumerate(member.entries)]
        if idea != mailbox:
            wrong = [pair for pair in zip(idea, mailbox) if pair[0] != pair[1]][:5]
            raise Failure("%s thinks otherwise of the mailbox (%d messages, it thinks %d): %r\nits last lines:\n  %s" % (
                member.name, len(mailbox), len(idea), wrong, "\n  ".join(member.history[-40:])))
        truth = truth or mailbox
        expect_equal(mailbox, truth, "the mailbox as %s sees it" % member.name)
        member.client.logout()
    expect(truth, "the mailbox is empty in the end: nothing was compared")
