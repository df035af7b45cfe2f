#!/usr/bin/env python3
"""Mail goes in and comes out as it was: from an mbox and a Maildir through import, IMAP and export, byte for byte.

A bare LF becomes CRLF on the way in, and CRLF becomes LF on the way out to files; nothing else may change.
"""

import calendar
import imaplib
import os
import time

import mailgen
import scenario
import structure
import wire
from scenario import PASSWORD, expect, expect_equal

BATCH = 100


def check(s, arguments):
    mails = mailgen.generate(arguments.count, s.seed)
    # Such as were kept by an mbox program before carry their flags in the message.
    mails = [mailgen.with_status(mail) if i % 5 == 0 else mail for i, mail in enumerate(mails)]
    mailgen.write_mbox(mails, s.path("in.mbox"))
    data = s.new_data("alice", "maria")
    s.varve("import", "--data", data, "--user", "alice", "--mbox", s.path("in.mbox"))
    with s.serve(data) as server:
        check_messages(server, mails)
        check_structures(server, mails)
    s.check_store(data, "alice")
    check_mbox_export(s, data, mails)
    check_maildir_export(s, data, mails)
    check_maildir_import(s, data)


def expected_flags(mail):
    return mail.flags if mail.bytes.startswith(b"Status: ") else set()


def check_messages(server, mails):
    """Every message with imaplib: bytes, size, date, flags."""
    client = imaplib.IMAP4("127.0.0.1", server.port)
    client.login("alice", PASSWORD)
    status, count = client.select("INBOX")
    expect_equal((status, int(count[0])), ("OK", len(mails)), "messages after the import")
    seen = 0
    for first in range(1, len(mails) + 1, BATCH):
        status, data = client.fetch("%d:%d" % (first, min(first + BATCH - 1, len(mails))),
                                    "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])")
        expect_equal(status, "OK", "FETCH")
        for item in data:
            if not isinstance(item, tuple):
                continue
            number = int(item[0].split(b" ", 1)[0])
            mail = mails[number - 1]
            what = "message %d (%s)" % (number, mail.kind)
            expect_equal(item[1], mail.wire, what)
            expect(b"RFC822.SIZE %d " % len(mail.wire) in item[0], "%s has %d bytes: %r", what, len(mail.wire), item[0])
            # As a time, not as text: the zone is the server's choice where the source names none.
            date = calendar.timegm(imaplib_date(item[0]))
            expect_equal(date, mail.date, what + ", INTERNALDATE")
            flags = {flag.decode() for flag in imaplib.ParseFlags(item[0])} - {"\\Recent"}
            expect_equal(flags, expected_flags(mail), what + ", flags")
            seen += 1
    expect_equal(seen, len(mails), "messages fetched")
    client.logout()


def imaplib_date(item):
    found = imaplib.InternalDate.match(item)
    expect(found, "no INTERNALDATE: %r", item)
    zone = (int(found["zoneh"]) * 60 + int(found["zonem"])) * (-60 if found["zonen"] == b"-" else 60)
    fields = "%s %s %s %s:%s:%s" % tuple(found[k].decode() for k in ("day", "mon", "year", "hour", "min", "sec"))
    return time.gmtime(calendar.timegm(time.strptime(fields, "%d %b %Y %H:%M:%S")) - zone)


def check_structures(server, mails):
    """ENVELOPE and BODYSTRUCTURE fit the grammar, and what they say of the parts is what a fetch of each part returns."""
    client = wire.Client(server.port)
    client.login("alice", PASSWORD)
    client.command("EXAMINE INBOX")
    parts = 0
    for first in range(1, len(mails) + 1, BATCH):
        numbers = "%d:%d" % (first, min(first + BATCH - 1, len(mails)))
        for item in client.command("FETCH %s (ENVELOPE BODY BODYSTRUCTURE)" % numbers).fetches:
            mail = mails[item.number - 1]
            try:
                structure.envelope(item.items["ENVELOPE"])
                plain = structure.body(item.items["BODY"], False)
                full = structure.body(item.items["BODYSTRUCTURE"], True)
                expect_equal([(p.path, p.kind, p.size, p.lines) for p in plain.walk()],
                             [(p.path, p.kind, p.size, p.lines) for p in full.walk()], "BODY and BODYSTRUCTURE")
                if mail.tree:
                    compare_with_source(full, mail.tree)
                parts += check_parts(client, item.number, mail, full)
            except scenario.Failure as failure:
                raise scenario.Failure("message %d (%s): %s" % (item.number, mail.kind, failure)) from None
    expect(parts > len(mails), "only %d parts were looked at", parts)
    client.logout()


def compare_with_source(body, part):
    """The server sees the parts that were put into the message."""
    expect_equal(body.kind, part.kind, "type of part %s" % body.number)
    expect_equal(len(body.children), len(part.children), "parts within part %s" % body.number)
    if not part.children:
        expect_equal(body.size, len(mailgen.crlf(part.body)), "octets of part %s" % body.number)
    for inner, source in zip(body.children, part.children):
        compare_with_source(inner, source)


def check_parts(client, number, mail, body):
    wire_bytes = mail.wire
    leaves = [part for part in body.walk() if part.size is not None]
    items = ["BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]", "BODY.PEEK[]<%d.%d>" % (len(wire_bytes) // 3, 70)]
    for part in leaves:
        items += ["BODY.PEEK[%s]" % part.number, "BODY.PEEK[%s.MIME]" % part.number]
        if part.kind == "message/rfc822":
            items += ["BODY.PEEK[%s.HEADER]" % part.number, "BODY.PEEK[%s.TEXT]" % part.number]
    fetched = client.command("FETCH %d (%s)" % (number, " ".join(items))).fetches[0].items
    header, text = fetched["BODY[HEADER]"], fetched["BODY[TEXT]"]
    expect_equal(header + text, wire_bytes, "header and text")
    origin = len(wire_bytes) // 3
    expect_equal(fetched["BODY[]<%d>" % origin], wire_bytes[origin:origin + 70], "partial fetch")
    for part in leaves:
        what = "part %s" % part.number
        content = fetched["BODY[%s]" % part.number]
        expect(content is not None, "%s is in the structure and cannot be fetched", what)
        expect_equal(len(content), part.size, "octets of " + what)
        expect(content in wire_bytes, "%s is not a piece of the message", what)
        if part.lines is not None:
            ends = content.count(b"\n")
            open_line = not content.endswith(b"\n")
            expect(part.lines in (ends, ends + open_line), "%s has %d lines, not %d", what, ends, part.lines)
        if part.kind == "message/rfc822":
            inner = fetched["BODY[%s.HEADER]" % part.number] + fetched["BODY[%s.TEXT]" % part.number]
            expect_equal(inner, content, "header and text of the message in " + what)
    sources = flatten(mail.tree) if mail.tree else []
    for part, source in zip(leaves, sources):
        expect_equal(fetched["BODY[%s]" % part.number], mailgen.crlf(source.body), "content of part " + part.number)
    return len(leaves)


def flatten(part):
    """Parts in the order of BODYSTRUCTURE, those with a size."""
    if not part.kind.startswith("multipart/"):
        yield part
    for child in part.children:
        yield from flatten(child)


def same_content(found, mail, what):
    """Files have LF line ends, so that a message that had CRLF among them comes out with LF only."""
    if b"\r\n" in mail.bytes:
        expect_equal(mailgen.crlf(found), mail.wire, what)
    else:
        expect_equal(found, mail.bytes, what)


def check_mbox_export(s, data, mails):
    s.varve("export", "--data", data, "--user", "alice", "--mailbox", "INBOX", "--mbox", s.path("out.mbox"))
    exported = mailgen.read_mbox(s.path("out.mbox"))
    expect_equal(len(exported), len(mails), "messages in the exported mbox")
    for number, ((envelope, content), mail) in enumerate(zip(exported, mails), 1):
        what = "message %d (%s) of the exported mbox" % (number, mail.kind)
        same_content(content, mail, what)
        asctime = " ".join(envelope.decode().split()[-5:])
        expect_equal(calendar.timegm(time.strptime(asctime, "%a %b %d %H:%M:%S %Y")), mail.date, what + ", date")
    # What comes out goes in again, the same.
    s.varve("user", "add", "--data", data, "again", "--password-stdin", input="x\n")
    s.varve("import", "--data", data, "--user", "again", "--mbox", s.path("out.mbox"))
    s.varve("export", "--data", data, "--user", "again", "--mailbox", "INBOX", "--mbox", s.path("again.mbox"))
    with open(s.path("out.mbox"), "rb") as first, open(s.path("again.mbox"), "rb") as second:
        expect_equal(second.read(), first.read(), "mbox exported, imported, exported again")


def check_maildir_export(s, data, mails):
    s.varve("export", "--data", data, "--user", "alice", "--mailbox", "INBOX", "--maildir", s.path("out"))
    exported = mailgen.read_maildir(s.path("out"))
    expect_equal(len(exported), len(mails), "messages in the exported Maildir")
    by_wire = {}
    for mail in mails:
        by_wire.setdefault((mail.wire, mail.date), []).append(mail)
    for content, flags, date in exported:
        same = by_wire.get((mailgen.crlf(content), date))
        expect(same, "the exported Maildir has a message of %d that is in no source: %r", date, content[:300])
        mail = same.pop()
        same_content(content, mail, "message in the exported Maildir")
        expect_equal(flags, expected_flags(mail), "its flags")


def check_maildir_import(s, data):
    """A Maildir++ with folders within folders and flags in the files' names; without a last line end here and there."""
    folders = {"INBOX": "", "Archive": ".Archive", "Archive/2026": ".Archive.2026", "Entwürfe": ".Entw&APw-rfe"}
    sources = {}
    for index, (name, folder) in enumerate(folders.items()):
        mails = mailgen.generate(60, s.seed * 100 + index)
        for mail in mails[::7]:
            mail.bytes = mail.bytes.rstrip(b"\n") + b"\nno end"
        mailgen.write_maildir(mails, s.path("maildir", folder))
        if folder:
            open(s.path("maildir", folder, "maildirfolder"), "w").close()
        sources[name] = mails
    s.varve("import", "--data", data, "--user", "maria", "--maildir", s.path("maildir"))
    with s.serve(data) as server:
        client = wire.Client(server.port)
        client.login("maria", PASSWORD)
        listed = {item.data[2].decode() if isinstance(item.data[2], bytes) else str(item.data[2])
                  for item in client.command('LIST "" *').of("LIST")}
        expect_equal(listed, {"INBOX", "Archive", "Archive/2026", "Entw&APw-rfe"}, "mailboxes of the Maildir")
        for name, mails in sources.items():
            client.command('SELECT "%s"' % name.replace("ü", "&APw-"))
            found = sorted((item.items["BODY[]"], sorted(item.flags - {"\\Recent"}), imap_date(item.items["INTERNALDATE"]))
                           for item in client.command("FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])").fetches)
            expected = sorted((mail.wire, sorted(mail.flags), mail.date) for mail in mails)
            expect_equal([f[0] for f in found], [e[0] for e in expected], "messages of " + name)
            expect_equal([f[1:] for f in found], [e[1:] for e in expected], "flags and dates of " + name)
        client.logout()
    s.check_store(data, "maria")
    s.varve("export", "--data", data, "--user", "maria", "--all", "--maildir", s.path("maria"))
    for name, folder in folders.items():
        expect(os.path.isdir(s.path("maria", folder, "cur")), "the export has no folder %s; it has %r", folder,
               sorted(os.listdir(s.path("maria"))))
        found = sorted(mailgen.crlf(content) for content, _, _ in mailgen.read_maildir(s.path("maria", folder)))
        expect_equal(found, sorted(mail.wire for mail in sources[name]), "exported " + name)


def imap_date(value):
    return calendar.timegm(imaplib_date(b'INTERNALDATE "%s"' % value))


if __name__ == "__main__":
    scenario.main(__doc__, check, lambda parser: parser.add_argument("--count", type=int, default=2000))
