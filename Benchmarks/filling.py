"""Mail for measurements, the same on every server: small messages, mailboxes with one or two of them, and scattered changes
of which it is known what they are."""

import os
import random

import rawimap
from scenario import expect_equal


def message(number):
    """About a kilobyte, no two alike."""
    digits = "%0700x" % random.Random(number).getrandbits(2800)
    return ("From: Sender %d <sender%d@example.org>\r\nTo: alice@example.org\r\nSubject: Message %d\r\n"
            "Date: Mon, 21 Sep 2026 16:13:00 +0000\r\nMessage-ID: <%d@example.org>\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n" % (
                number, number % 97, number, number, "\r\n".join(digits[i:i + 70] for i in range(0, 700, 70)))).encode()


def write_mbox(path, count):
    with open(path, "wb") as file:
        for number in range(count):
            file.write(b"From sender@example.org Mon Sep 21 16:13:00 2026\n")
            file.write(message(number).replace(b"\r\n", b"\n") + b"\n")


def fill_by_import(s, data, mailbox, count, user="alice"):
    mbox = s.path("fill.mbox")
    write_mbox(mbox, count)
    s.varve("import", "--data", data, "--user", user, "--mailbox", mailbox, "--mbox", mbox, timeout=3600)
    os.remove(mbox)


def fill_by_multiappend(client, mailbox, count, batch=1000):
    """RFC 3502: a thousand messages in one command are one transaction."""
    client.command('CREATE "%s"' % mailbox)
    for first in range(0, count, batch):
        texts = map(message, range(first, min(first + batch, count)))
        parts = [b" () {%d+}\r\n%s" % (len(text), text) for text in texts]
        client.flush([b'APPEND "%s"' % mailbox.encode() + b"".join(parts)])


def fill_mailboxes(client, count):
    """Mailboxes in folders of fifty, with a message or two in each."""
    names = ["list/%03d/%02d" % divmod(number, 50) for number in range(count)]
    client.pipeline(b'CREATE "%s"' % name.encode() for name in names)
    client.pipeline(rawimap.append(name, message(number + copy), ["", "\\Seen"][copy])
                    for number, name in enumerate(names) for copy in range(1 + number % 2))


class Changes:
    """Scattered messages, some to be flagged and others to be expunged, in steps that take turns."""

    def __init__(self, seed, messages, changed, expunged):
        uids = random.Random(seed).sample(range(1, messages + 1), changed + expunged)
        self.changed, self.expunged = sorted(uids[:changed]), sorted(uids[changed:])
        self.messages = messages

    def make(self, client, mailbox):
        """Returns the state from before them: UIDVALIDITY and HIGHESTMODSEQ."""
        answer = client.command('SELECT "%s" (CONDSTORE)' % mailbox)
        expect_equal(rawimap.code(answer, "UIDNEXT"), self.messages + 1, "UIDNEXT of " + mailbox)
        before = rawimap.code(answer, "UIDVALIDITY"), rawimap.code(answer, "HIGHESTMODSEQ")
        steps = [b"UID STORE %d +FLAGS.SILENT (\\Flagged)" % uid for uid in self.changed]
        for uid in self.expunged:
            steps += [b"UID STORE %d +FLAGS.SILENT (\\Deleted)" % uid, b"UID EXPUNGE %d" % uid]
        client.pipeline(steps)
        client.command("UNSELECT")
        return before

    def check(self, answer, what):
        changed, vanished = rawimap.changes(answer)
        expect_equal(changed, dict.fromkeys(self.changed, frozenset([b"\\Flagged"])), what + ": changed messages")
        expect_equal(vanished, set(self.expunged), what + ": vanished messages")
