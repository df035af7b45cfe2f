#!/usr/bin/env python3
"""neomutt with a header cache keeps up with a mailbox that others change: by QRESYNC, by CONDSTORE alone, and by neither;
while the mailbox is closed, and while it is open.

What neomutt takes for the mailbox is seen from what it copies into an mbox file, flags included; how it came to know, from
what it said to the server."""

import mailbox
import os
import re

import scenario
import terminal
import wire
from recorder import Recorder
from scenario import PASSWORD, expect, expect_equal

COUNT = 20
MODES = {
    "qresync": ["set imap_condstore = yes", "set imap_qresync = yes"],
    "condstore": ["set imap_condstore = yes", "set imap_qresync = no"],
    "neither": ["set imap_condstore = no", "set imap_qresync = no"],
}


def check(s, arguments):
    for mode in MODES:
        data = s.new_data("alice", name="data-" + mode)
        with s.serve(data) as server:
            other = wire.Client(server.port)
            other.login("alice", PASSWORD)
            for number in range(COUNT):
                append(other, "message-%d" % number)
            mutt = Neomutt(s, server, mode)
            check_mode(mutt, other, mode)
            mutt.recorder.close()
            other.logout()
        s.check_store(data, "alice")


def append(client, subject):
    text = ("From: a@example.org\r\nTo: b@example.org\r\nSubject: %s\r\nMessage-ID: <%s@example.org>\r\n"
            "Date: Mon, 21 Sep 2026 16:13:00 +0000\r\n\r\nText of %s.\r\n" % (subject, subject, subject))
    client.append("INBOX", text.encode())


def check_mode(mutt, other, mode):
    mutt.look()
    mutt.expect_state(other, "at the first opening")

    other.command("STORE 2,5:6 +FLAGS (\\Flagged)")
    # For neomutt what is answered has been read.
    other.command("STORE 3 +FLAGS (\\Answered \\Seen)")
    other.command("STORE 1,7,10:12,20 +FLAGS (\\Deleted)")
    other.command("EXPUNGE")
    append(other, "new-1")
    append(other, "new-2")
    session = mutt.look()
    mutt.expect_state(other, "after changes while it was closed")
    check_protocol(session, mode)

    # Nothing has changed but what neomutt did itself.
    mutt.look("<first-entry><set-flag>!<sync-mailbox>")
    mutt.look()
    mutt.expect_state(other, "after a change of its own")

    def change():
        other.command("STORE 1,3 -FLAGS (\\Flagged)")
        other.command("STORE 4:5 +FLAGS (\\Seen)")
        other.command("STORE 2,8 +FLAGS (\\Deleted)")
        other.command("EXPUNGE")
        append(other, "while-open")

    session = mutt.look(during=("message-2", change, "while-open"))
    mutt.expect_state(other, "after changes while it was open")
    text = "\n".join(session.received)
    if mode == "qresync":
        # RFC 7162 §3.2.10: never EXPUNGE once QRESYNC is enabled.
        expect(re.search(r"(?m)^\* VANISHED [\d,:]+$", text) and "EXPUNGE\n" not in text, "expunges by VANISHED: %s", text)
    else:
        expect("VANISHED" not in text, "VANISHED without QRESYNC: %s", text)


def check_protocol(session, mode):
    """What was said when the mailbox was opened again."""
    sent, received = "\n".join(session.sent), "\n".join(session.received)
    if mode == "qresync":
        expect(re.search(r'(?m)^\S+ ENABLE .*QRESYNC', sent), "neomutt does not enable QRESYNC:\n%s", sent)
        # Of RFC 7162's two ways neomutt takes the second (§3.2.6).
        expect(re.search(r"(?m)^\S+ UID FETCH \S+ \(.*\) \(CHANGEDSINCE \d+ VANISHED\)", sent),
               "no FETCH of what has changed and vanished:\n%s", sent)
        expect("* VANISHED (EARLIER)" in received, "nothing vanished:\n%s", received)
    elif mode == "condstore":
        expect(re.search(r'(?m)^\S+ SELECT "?INBOX"? \(CONDSTORE\)', sent), "no SELECT with CONDSTORE:\n%s", sent)
        expect("(CHANGEDSINCE " in sent, "no FETCH of what has changed:\n%s", sent)
    expect(mode == "neither" or "* OK [HIGHESTMODSEQ " in received, "no HIGHESTMODSEQ:\n%s", received)
    headers = re.findall(r"(?m)^\* \d+ FETCH \(.*HEADER", received)
    # Two are new. With QRESYNC neomutt asks also for those that now have the numbers of the five that vanished.
    expect_equal(len(headers), 7 if mode == "qresync" else 2, "messages whose headers were asked for")


class Neomutt:
    def __init__(self, s, server, mode):
        self.s = s
        self.recorder = Recorder(server.port)
        self.copy = s.path("copy-" + mode)
        self.config = s.path("muttrc-" + mode)
        os.mkdir(s.path("cache-" + mode))
        with open(self.config, "w") as file:
            file.write("\n".join([*MODES[mode],
                "set folder = 'imap://127.0.0.1:%d/'" % self.recorder.port, "set spoolfile = '=INBOX'",
                "set header_cache = '%s/'" % s.path("cache-" + mode), "set imap_user = alice",
                "set imap_pass = '%s'" % PASSWORD, "set imap_authenticators = 'plain'", "set ssl_starttls = no",
                "set ssl_force_tls = no", "unset record", "set mbox = ''", "set delete = yes", "set move = no",
                "set quit = yes", "set confirmappend = no", "set confirmcreate = no", "set wait_key = no",
                "set mark_old = no", "set beep = no", "set sleep_time = 0", "set timeout = 1", "set mail_check = 1",
                "set sort = mailbox-order", "unset trash", "set resolve = no", "set auto_tag = no",
                "set history_file = ''", "set index_format = '%Z %s'", "unset mail_check_stats",
                "macro index Z '%s'" % self.copy_keys(), ""]))

    def copy_keys(self):
        """Copies all messages into an mbox file, and leaves."""
        return "<tag-pattern>~A<enter><tag-prefix><copy-message>%s<enter><untag-pattern>~A<enter><quit>" % self.copy

    def look(self, keys="", during=None):
        """Opens the mailbox, presses the keys, copies what is in it, leaves. Returns what was said on the connection.

        `during`: a text to wait for on the screen, what to do then, and a text to wait for before leaving."""
        if os.path.exists(self.copy):
            os.remove(self.copy)
        command = ["neomutt", "-n", "-F", self.config]
        if during:
            shown, action, last = during

            def act():
                action()
                return keys

            terminal.run(self.s, command, answers=[(shown, act), (last, "Z")])
        else:
            terminal.run(self.s, command + ["-e", 'push "%s%s"' % (keys, self.copy_keys())])
        sessions = self.recorder.take()
        expect_equal(len(sessions), 1, "connections of neomutt")
        return sessions[0]

    def expect_state(self, client, when):
        """What neomutt has copied is what the server has."""
        client.command("SELECT INBOX")
        expected = [(re.search(rb"Subject: (\S+)", item.items["BODY[]"]).group(1).decode(), letters(item.flags))
                    for item in client.command("FETCH 1:* (FLAGS BODY.PEEK[])").fetches]
        found = [(mail["Subject"], "".join(sorted(set(mail.get_flags()) & set("RFA"))))
                 for mail in mailbox.mbox(self.copy, create=False)]
        expect_equal(found, expected, "what neomutt shows " + when)


def letters(flags):
    """As an mbox has them: answered, flagged, read."""
    return "".join(letter for letter, flag in (("A", "\\Answered"), ("F", "\\Flagged"), ("R", "\\Seen")) if flag in flags)


if __name__ == "__main__":
    scenario.main(__doc__, check)
