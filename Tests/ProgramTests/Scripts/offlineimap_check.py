#!/usr/bin/env python3
"""offlineimap (offlineimap3) synchronises all mailboxes with a Maildir in both directions: flags, deletions, new messages,
new mailboxes; then the two are the same, and another run has nothing to do."""

import os
import re

import mailgen
import scenario
import wire
from scenario import PASSWORD, expect, expect_equal

BOXES = ["INBOX", "Archive", "Archive/2026"]
FLAG_LETTERS = dict((flag, letter) for letter, flag in mailgen.MAILDIR_LETTERS)


def check(s, arguments):
    data = s.new_data("alice")
    with s.serve(data) as server:
        client = wire.Client(server.port)
        client.login("alice", PASSWORD)
        for index, box in enumerate(BOXES):
            if box != "INBOX":
                client.command("CREATE %s" % box)
            for number in range(arguments.count):
                flags = [flag for flag in ("\\Seen", "\\Answered", "\\Flagged", "\\Draft") if s.random.random() < 0.3]
                client.append(box, message("%s-%d" % (box, number)), flags)
        copy = Copy(s, server)
        copy.sync()
        copy.expect_same(client, dict.fromkeys(BOXES, arguments.count))
        for number in range(2):
            # Messages that neither side has touched so far.
            change_server(client, 1 + 10 * number)
            change_maildir(copy, 6 + 10 * number)
            copy.sync()
            # On either side two messages of INBOX were deleted, and a new one came.
            copy.expect_same(client, {**dict.fromkeys(BOXES, arguments.count),
                                      "INBOX": arguments.count - 2 * (number + 1), "Fresh/Server": number + 1})
            check_changes(client, 1 + 10 * number, 6 + 10 * number)
        before = state(client, copy)
        copy.sync()
        expect_equal(state(client, copy), before, "after a run with nothing to do")
        client.logout()
    s.check_store(data, "alice")


def message(subject):
    """Plain: offlineimap3 reads messages into Python's email and writes what that makes of them, not their bytes."""
    return ("From: a@example.org\r\nTo: b@example.org\r\nSubject: %s\r\nMessage-ID: <%s@example.org>\r\n"
            "Date: Mon, 21 Sep 2026 16:13:00 +0000\r\n\r\nText of %s.\r\n" % (subject, subject, subject)).encode()


class Copy:
    """The Maildir that offlineimap keeps."""

    def __init__(self, s, server):
        self.s = s
        self.folder = s.path("maildir")
        self.config = s.path("offlineimaprc")
        with open(self.config, "w") as file:
            file.write("\n".join([
                "[general]", "accounts = test", "metadata = %s" % s.path("metadata"), "socktimeout = 60",
                "[Account test]", "localrepository = files", "remoterepository = server",
                "[Repository files]", "type = Maildir", "localfolders = %s" % self.folder, "sep = /",
                "utime_from_header = no",
                "[Repository server]", "type = IMAP", "remotehost = 127.0.0.1", "remoteport = %d" % server.port,
                "remoteuser = alice", "remotepass = %s" % PASSWORD, "ssl = no", "starttls = no",
                "auth_mechanisms = PLAIN, LOGIN", "maxconnections = 2", ""]))

    def sync(self):
        # Its own home: no configuration or state of the user's.
        done = self.s.run(["offlineimap", "-o", "-u", "basic", "-c", self.config], env=dict(os.environ, HOME=self.s.path()))
        text = done.stdout + done.stderr
        complaints = re.findall(r"(?m)^.*(?:ERROR|Traceback|WARNING).*$", text)
        expect(not complaints, "offlineimap complains:\n%s", text)

    def path(self, box):
        return os.path.join(self.folder, *box.split("/"))

    def files(self, box):
        """Path of each message in a box by the UID that offlineimap has written into its name."""
        found = {}
        for part in ("cur", "new"):
            for name in os.listdir(os.path.join(self.path(box), part)):
                uid = re.search(r",U=(\d+)", name)
                expect(uid, "a file without a UID after a run: %s", name)
                found[int(uid.group(1))] = os.path.join(self.path(box), part, name)
        return found

    def messages(self, box):
        """(content with CRLF, letters) by UID."""
        found = {}
        for uid, path in self.files(box).items():
            with open(path, "rb") as file:
                found[uid] = comparable(mailgen.crlf(file.read())), letters_of(path)
        return found

    def expect_same(self, client, counts):
        """Server and Maildir hold the same, and as many as they should."""
        for box, count in counts.items():
            client.command('SELECT "%s"' % box)
            found = {item.items["UID"]: (comparable(item.items["BODY[]"]), letters(item.flags))
                     for item in client.command("FETCH 1:* (UID FLAGS BODY.PEEK[])").fetches}
            client.command("UNSELECT")
            expect_equal(len(found), count, "messages in " + box)
            expect_equal(self.messages(box), found, "%s in the Maildir" % box)


def comparable(content):
    """Without what offlineimap adds to find a message again that it has uploaded."""
    return re.sub(rb"(?m)^X-OfflineIMAP: .*\r\n", b"", content, count=1)


def letters(flags):
    return "".join(sorted(FLAG_LETTERS[flag] for flag in flags if flag in FLAG_LETTERS))


def letters_of(path):
    return "".join(sorted(os.path.basename(path).partition(":2,")[2]))


def change_server(client, uid):
    """Five messages from this UID on."""
    client.command("SELECT INBOX")
    client.command("UID STORE %d FLAGS (\\Flagged)" % uid)
    client.command("UID STORE %d FLAGS (\\Answered \\Seen)" % (uid + 1))
    client.command("UID STORE %d FLAGS ()" % (uid + 2))
    client.command("UID STORE %d:%d +FLAGS (\\Deleted)" % (uid + 3, uid + 4))
    client.command("EXPUNGE")
    client.append("INBOX", message("from-the-server-%d" % uid), ["\\Seen"])
    if uid == 1:
        client.command("CREATE Fresh/Server")
    client.append("Fresh/Server", message("in-a-fresh-mailbox-%d" % uid))
    client.command("UNSELECT")


def change_maildir(copy, uid):
    """Five messages from this UID on, as a mail program would: renames for flags, files that are gone, a file that is new."""
    paths = copy.files("INBOX")
    set_letters(paths[uid], "FRS")
    set_letters(paths[uid + 1], "S")
    set_letters(paths[uid + 2], "")
    os.remove(paths[uid + 3])
    os.remove(paths[uid + 4])
    with open(os.path.join(copy.path("INBOX"), "cur", "%d.from-maildir:2,RS" % uid), "wb") as file:
        file.write(message("from-the-maildir-%d" % uid).replace(b"\r\n", b"\n"))


def set_letters(path, text):
    folder, name = os.path.split(path)
    os.rename(path, os.path.join(os.path.dirname(folder), "cur", name.partition(":2,")[0] + ":2," + text))


def check_changes(client, on_server, in_maildir):
    """What was changed on either side is so on the server; that the Maildir is the same was seen before."""
    client.command("SELECT INBOX")
    fetched = client.command("FETCH 1:* (UID FLAGS BODY.PEEK[])").fetches
    flags = {item.items["UID"]: letters(item.flags) for item in fetched}
    expect_equal([flags.get(on_server + n) for n in range(5)], ["F", "RS", "", None, None], "what was changed on the server")
    expect_equal([flags.get(in_maildir + n) for n in range(5)], ["FRS", "S", "", None, None],
                 "what was changed in the Maildir")
    uploaded = [item for item in fetched if b"Subject: from-the-maildir-%d\r\n" % in_maildir in item.items["BODY[]"]]
    expect_equal([letters(item.flags) for item in uploaded], ["RS"], "the message that was new in the Maildir")
    client.command("UNSELECT")


def state(client, copy):
    server = []
    for box in BOXES + ["Fresh/Server"]:
        client.command('SELECT "%s"' % box)
        server.append([(item.items["UID"], sorted(item.flags - {"\\Recent"}))
                       for item in client.command("FETCH 1:* (UID FLAGS)").fetches])
        client.command("UNSELECT")
        server.append(client.command('STATUS "%s" (UIDNEXT UIDVALIDITY MESSAGES)' % box).of("STATUS")[0].data)
    return server, sorted((folder, sorted(files)) for folder, _, files in os.walk(copy.folder))


if __name__ == "__main__":
    scenario.main(__doc__, check, lambda parser: parser.add_argument("--count", type=int, default=40))
