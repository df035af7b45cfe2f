#!/usr/bin/env python3
"""What people do with curl: list, fetch by UID, fetch a section, search, append a file, all of it under TLS too."""

import mailgen
import scenario
from scenario import PASSWORD, expect, expect_equal


def check(s, arguments):
    certificate = s.certificate()
    data = s.new_data("alice")
    mails = mailgen.generate(40, s.seed, mailgen.SAFE)
    mailgen.write_mbox(mails, s.path("in.mbox"))
    s.varve("import", "--data", data, "--user", "alice", "--mbox", s.path("in.mbox"))
    with s.serve(data, tls=certificate) as server:
        plain = Curl(s, "imap://127.0.0.1:%d" % server.port)
        check_all(s, plain, mails)
        start_tls = Curl(s, "imap://localhost:%d" % server.port, "--ssl-reqd", "--cacert", certificate[0])
        expect_equal(start_tls.get("/INBOX;UID=3").raw_stdout, mails[2].wire, "fetch after STARTTLS")
        implicit = Curl(s, "imaps://localhost:%d" % server.tls_port, "--cacert", certificate[0])
        expect_equal(implicit.get("/INBOX;UID=2").raw_stdout, mails[1].wire, "fetch under TLS")
        check_append(s, implicit, 42)
        # A certificate that is not trusted: no session, and the server lives on.
        refused = s.run(["curl", "-s", "-u", "alice:" + PASSWORD, "imaps://localhost:%d/INBOX;UID=1" % server.tls_port],
                        status=None)
        expect_equal(refused.returncode, 60, "curl's status for a certificate it does not know")
        wrong = s.run(["curl", "-s", "-u", "alice:wrong", "imap://127.0.0.1:%d/INBOX;UID=1" % server.port], status=None)
        expect_equal(wrong.returncode, 67, "curl's status for a wrong password")
    s.check_store(data, "alice")


class Curl:
    def __init__(self, s, url, *options):
        self.s = s
        self.url = url
        self.options = options

    def get(self, path, *options):
        return self.s.run(["curl", "-sS", "--max-time", "60", "-u", "alice:" + PASSWORD, *self.options, *options,
                           self.url + path])


def check_all(s, curl, mails):
    expect("INBOX" in curl.get("/").stdout, "the listing has no INBOX")
    for uid, mail in enumerate(mails, 1):
        expect_equal(curl.get("/INBOX;UID=%d" % uid).raw_stdout, mail.wire, "UID %d" % uid)
    expect_equal(curl.get("/INBOX;MAILINDEX=4").raw_stdout, mails[3].wire, "message 4")
    header, _, text = mails[4].wire.partition(b"\r\n\r\n")
    expect_equal(curl.get("/INBOX;UID=5;SECTION=TEXT").raw_stdout, text, "SECTION=TEXT")
    expect_equal(curl.get("/INBOX;UID=5;SECTION=HEADER").raw_stdout, header + b"\r\n\r\n", "SECTION=HEADER")
    found = curl.get("/INBOX?ALL").stdout.split()
    expect_equal(found, ["*", "SEARCH", *(str(n + 1) for n in range(len(mails)))], "search ALL")
    subject = "SUBJECT%20%22Re:%20Re:%22"
    found = [int(n) for n in curl.get("/INBOX?" + subject).stdout.split()[2:]]
    expected = [uid for uid, mail in enumerate(mails, 1) if b"\nSubject: Re: Re: " in b"\n" + mail.bytes.split(b"\n\n")[0]]
    expect(expected, "no message has the subject to look for: choose another seed")
    expect_equal(found, expected, "search for a subject")
    status = curl.get("/INBOX", "-X", "STATUS INBOX (MESSAGES UNSEEN)").stdout
    expect("MESSAGES %d" % len(mails) in status, "STATUS: %s", status)
    check_append(s, curl, len(mails) + 1)


def check_append(s, curl, uid):
    """A file goes up; curl does it with CRLF in the file as it is."""
    data = mailgen.crlf(mailgen.Generator(uid).attachment().bytes)
    with open(s.path("upload.eml"), "wb") as file:
        file.write(data)
    curl.get("/INBOX", "-T", s.path("upload.eml"))
    expect_equal(curl.get("/INBOX;UID=%d" % uid).raw_stdout, data, "the message sent with -T")


if __name__ == "__main__":
    scenario.main(__doc__, check)
