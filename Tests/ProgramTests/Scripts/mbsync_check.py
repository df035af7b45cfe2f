#!/usr/bin/env python3
"""mbsync (isync) mirrors the mailboxes to a Maildir, and changes on both sides find their way to the other: flags,
deletions, new messages, new mailboxes."""

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
    for index, box in enumerate(BOXES):
        mails = mailgen.generate(arguments.count, s.seed * 10 + index, mailgen.SAFE)
        mails = [mailgen.with_status(mail) for mail in mails]
        for mail in mails:
            # Deletion is for later: mbsync would do it at once.
            mail.flags.discard("\\Deleted")
        mailgen.write_maildir(mails, s.path("source", "" if box == "INBOX" else "." + box.replace("/", ".")))
    s.varve("import", "--data", data, "--user", "alice", "--maildir", s.path("source"))
    with s.serve(data) as server:
        mirror = Mirror(s, server)
        client = wire.Client(server.port)
        client.login("alice", PASSWORD)
        mirror.sync()
        mirror.expect_same(client, dict.fromkeys(BOXES, arguments.count))
        change_server(client)
        change_maildir(mirror, s)
        mirror.sync()
        # On either side two messages of INBOX were deleted, and a new one came.
        mirror.expect_same(client, {**dict.fromkeys(BOXES, arguments.count), "INBOX": arguments.count - 2})
        check_changes(client, mirror)
        check_idle_sync(client, mirror)
        client.logout()
    s.check_store(data, "alice")


class Mirror:
    def __init__(self, s, server):
        self.s = s
        self.folder = s.path("mirror")
        os.makedirs(self.folder)
        version = s.run(["mbsync", "--version"]).stdout
        major, minor = map(int, re.search(r"(\d+)\.(\d+)", version).groups())
        self.config = s.path("mbsyncrc")
        with open(self.config, "w") as file:
            file.write("\n".join([
                "IMAPAccount varve", "Host 127.0.0.1", "Port %d" % server.port, "User alice", 'Pass "%s"' % PASSWORD,
                "TLSType None" if (major, minor) >= (1, 5) else "SSLType None", "AuthMechs *", "",
                "IMAPStore server", "Account varve", "",
                "MaildirStore files", "Path %s/" % self.folder, "Inbox %s/INBOX" % self.folder, "SubFolders Verbatim", "",
                "Channel all", "Far :server:", "Near :files:", "Patterns *", "Create Both", "Remove Both", "Expunge Both",
                "CopyArrivalDate yes", "SyncState *", ""]))

    def sync(self):
        # Its own home: no configuration or state of the user's.
        done = self.s.run(["mbsync", "-V", "-c", self.config, "-a"], env=dict(os.environ, HOME=self.s.path()))
        expect("Warning" not in done.stderr and "rror" not in done.stderr, "mbsync complains:\n%s", done.stderr)
        return done.stdout

    def path(self, box):
        return os.path.join(self.folder, *box.split("/"))

    def files(self, box):
        """Paths of the messages in a box."""
        return sorted(os.path.join(self.path(box), part, name)
                      for part in ("cur", "new") for name in os.listdir(os.path.join(self.path(box), part)))

    def snapshot(self, box):
        """(content with CRLF, letters, date) of each message."""
        result = []
        for content, flags, date in mailgen.read_maildir(self.path(box)):
            # mbsync marks what it copies with a field of its own.
            content = re.sub(rb"(?m)^X-TUID: .*\n", b"", content, count=1)
            result.append((mailgen.crlf(content), letters(flags), date))
        return sorted(result)

    def expect_same(self, client, counts):
        """Server and Maildir hold the same, and as many as they should."""
        for box, count in counts.items():
            client.command('SELECT "%s"' % box)
            found = server_snapshot(client)
            expect_equal(len(found), count, "messages in " + box)
            local = self.snapshot(box)
            expect_equal([m[0] for m in local], [m[0] for m in found], "messages of %s in the Maildir" % box)
            expect_equal([m[1] for m in local], [m[1] for m in found], "flags of %s in the Maildir" % box)
            client.command("UNSELECT")


def letters(flags):
    return "".join(sorted(FLAG_LETTERS[flag] for flag in flags if flag in FLAG_LETTERS))


def server_snapshot(client):
    return sorted((re.sub(rb"(?m)^X-TUID: .*\r\n", b"", item.items["BODY[]"], count=1), letters(item.flags))
                  for item in client.command("FETCH 1:* (FLAGS BODY.PEEK[])").fetches)


def change_server(client):
    client.command("SELECT INBOX")
    client.command("STORE 1:4 FLAGS (\\Flagged)")
    client.command("STORE 5 +FLAGS (\\Answered \\Seen)")
    client.command("STORE 6 -FLAGS (\\Answered \\Seen)")
    client.command("STORE 7:8 +FLAGS (\\Deleted)")
    client.command("EXPUNGE")
    client.append("INBOX", b"Subject: from the server\r\n\r\nnew\r\n", ["\\Seen"])
    client.command("CREATE Fresh/Server")
    client.append("Fresh/Server", b"Subject: in a fresh mailbox\r\n\r\nnew\r\n")
    client.command("UNSELECT")


def change_maildir(mirror, s):
    """As a mail program would: renames for flags, files that are gone, files that are new."""
    # UIDs as mbsync has them in the names of the files: those that the server's changes did not touch.
    by_uid = {int(re.search(r",U=(\d+)", path).group(1)): path for path in mirror.files("INBOX")}
    for uid in (10, 11):
        set_letters(by_uid[uid], "FRS")
    set_letters(by_uid[12], "")
    set_letters(by_uid[13], "ST")
    os.remove(by_uid[14])
    with open(os.path.join(mirror.path("INBOX"), "cur", "1.from-maildir:2,RS"), "wb") as file:
        file.write(b"Subject: from the Maildir\n\nnew, gr\xc3\xbc\xc3\x9fe\nFrom here\n")
    new = os.path.join(mirror.folder, "Fresh", "Local")
    for part in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(new, part))
    with open(os.path.join(new, "cur", "2.from-maildir:2,F"), "wb") as file:
        file.write(b"Subject: in a folder that the server has not\n\nnew\n")


def set_letters(path, text):
    folder, name = os.path.split(path)
    os.rename(path, os.path.join(os.path.dirname(folder), "cur", name.partition(":2,")[0] + ":2," + text))


def check_changes(client, mirror):
    client.command("SELECT INBOX")
    flags = {item.items["UID"]: letters(item.flags) for item in client.command("FETCH 1:* (UID FLAGS)").fetches}
    expect_equal([flags.get(uid) for uid in (10, 11, 12, 13, 14)], ["FRS", "FRS", "", None, None],
                 "what was changed in the Maildir, on the server")
    expect_equal([flags.get(uid) for uid in (1, 2, 3, 4, 7, 8)], ["F", "F", "F", "F", None, None],
                 "what was changed on the server")
    expect(any(content.startswith(b"Subject: from the server") and flags == "S"
               for content, flags, _ in mirror.snapshot("INBOX")), "the server's new message is not in the Maildir")
    client.command("SELECT Fresh/Local")
    expect_equal(server_snapshot(client), [(b"Subject: in a folder that the server has not\r\n\r\nnew\r\n", "F")],
                 "the mailbox that was made in the Maildir")
    client.command("UNSELECT")
    expect_equal(len(mirror.snapshot("Fresh/Server")), 1, "messages of the mailbox that was made on the server")


def check_idle_sync(client, mirror):
    """A second run has nothing to do, and does nothing."""
    def state():
        tree = sorted((folder, sorted(files)) for folder, _, files in os.walk(mirror.folder))
        server = []
        for box in BOXES:
            client.command('SELECT "%s"' % box)
            server.append([(i.items["UID"], sorted(i.flags - {"\\Recent"}))
                           for i in client.command("FETCH 1:* (UID FLAGS)").fetches])
            client.command("UNSELECT")
            server.append(client.command('STATUS "%s" (UIDNEXT UIDVALIDITY MESSAGES)' % box).of("STATUS")[0].data)
        return tree, server

    before = state()
    mirror.sync()
    after = state()
    expect_equal(after[1], before[1], "the server after a run with nothing to do")
    expect_equal(after[0], before[0], "the Maildir after a run with nothing to do")


if __name__ == "__main__":
    scenario.main(__doc__, check, lambda parser: parser.add_argument("--count", type=int, default=60))
