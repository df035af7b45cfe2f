#!/usr/bin/env python3
"""neomutt, in a terminal of its own, with pushed keys: flags, tags, deletes, saves into another mailbox, reads, syncs,
quits; then the server is asked what came of it."""

import scenario
import terminal
import wire
from scenario import PASSWORD, expect, expect_equal

SUBJECTS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]


def check(s, arguments):
    data = s.new_data("alice")
    with s.serve(data) as server:
        client = wire.Client(server.port)
        client.login("alice", PASSWORD)
        client.command("CREATE Archive")
        for number, subject in enumerate(SUBJECTS):
            text = ("From: a@example.org\r\nTo: b@example.org\r\nSubject: %s\r\nMessage-ID: <%s@example.org>\r\n"
                    "Date: Mon, 21 Sep 2026 16:13:%02d +0000\r\n\r\nText of %s.\r\n" % (subject, subject, number, subject))
            client.append("INBOX", text.encode(), date="21-Sep-2026 16:13:%02d +0000" % number)
        keys = [
            "<first-entry><flag-message>",                                      # alpha: flagged
            "<search>~s beta<enter><delete-message>",                           # beta: deleted
            "<search>~s gamma<enter><save-message>=Archive<enter>",             # gamma: moved to Archive
            "<tag-pattern>~s delta|~s epsilon<enter><tag-prefix><set-flag>r",   # delta, epsilon: tagged, both answered
            "<search>~s zeta<enter><display-message><exit>",                    # zeta: read
            "<sync-mailbox><quit>",
        ]
        run_neomutt(s, server, keys)
        check_result(client)
        client.logout()
    s.check_store(data, "alice")


def run_neomutt(s, server, keys):
    config = s.path("muttrc")
    with open(config, "w") as file:
        file.write("\n".join([
            "set folder = 'imap://127.0.0.1:%d/'" % server.port, "set spoolfile = '=INBOX'",
            "set imap_user = alice", "set imap_pass = '%s'" % PASSWORD, "set imap_authenticators = 'plain'",
            "set ssl_starttls = no", "set ssl_force_tls = no", "unset record", "unset header_cache", "set mbox = ''",
            "set delete = yes", "set move = no", "set quit = yes", "set confirmappend = no", "set confirmcreate = no",
            "set wait_key = no", "set mark_old = no", "set beep = no", "set sleep_time = 0", "set timeout = 5",
            "set sort = date", "set wrap_search = yes", "set pager_stop = yes", "set abort_noattach = no", "unset trash",
            "set resolve = no", "set auto_tag = no", "set history_file = ''", "unset mail_check_stats", ""]))
    terminal.run(s, ["neomutt", "-n", "-F", config, "-e", 'push "%s"' % "".join(keys)])


def check_result(client):
    client.command("SELECT INBOX")
    found = {}
    for item in client.command("FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])").fetches:
        header = item.items["BODY[HEADER.FIELDS (SUBJECT)]"]
        found[header.decode().split(": ", 1)[1].strip()] = item.flags & {"\\Seen", "\\Flagged", "\\Answered", "\\Deleted"}
    expect_equal(sorted(found), ["alpha", "delta", "epsilon", "zeta"], "messages left in INBOX")
    expect("\\Flagged" in found["alpha"], "alpha is not flagged: %r", found)
    # For neomutt what is answered has been read.
    expect_equal([found["delta"], found["epsilon"]], [{"\\Answered", "\\Seen"}] * 2, "flags of delta and epsilon")
    expect("\\Seen" in found["zeta"], "zeta was read: %r", found)
    client.command("SELECT Archive")
    saved = client.command("FETCH 1:* (BODY.PEEK[])").fetches
    expect_equal(len(saved), 1, "messages in Archive")
    expect(b"Subject: gamma\r\n" in saved[0].items["BODY[]"] and saved[0].items["BODY[]"].endswith(b"Text of gamma.\r\n"),
           "the message in Archive: %r", saved[0].items["BODY[]"])


if __name__ == "__main__":
    scenario.main(__doc__, check)
