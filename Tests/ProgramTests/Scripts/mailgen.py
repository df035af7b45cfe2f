#!/usr/bin/env python3
"""Makes varied mail, the same for the same arguments: plain and 8-bit text, encoded words, multiparts, messages within
messages, attachments, odd headers, long lines, lines that begin with "From ", stray CRs, broken MIME.

    mailgen.py --count 2000 --seed 1 --mbox out.mbox
    mailgen.py --count 10 --seed 1 --maildir out

Of well-formed messages it also knows the tree of parts with their contents, to compare a server's idea with.
"""

import argparse
import base64
import os
import random
import re
import time

NAMES = ["Zoë Müller", "Jørgen Ås", "Li Na", "Анна Петрова", "Bob", "O'Hara, \"Pat\"", "Ἀλέξανδρος", "Eve Example"]
WORDS = ("the of mail store layer sediment year river delta core sample light dark clay silt melt spring winter archive "
         "count line reader index grün Straße naïve façade 漢字 письмо λόγος").split()
SAFE = {"plain", "utf8", "latin1", "quoted", "alternative", "attachment", "nested", "digest", "long_line", "from_lines",
        "encoded_words", "groups", "empty_body", "large", "parameters"}


class Part:
    """A MIME entity as bytes with LF line ends, and what is in it."""

    def __init__(self, kind, header, body, children=()):
        self.kind = kind
        self.header = header
        self.body = body
        self.children = list(children)

    @property
    def bytes(self):
        return self.header + b"\n" + self.body


class Mail:
    """`bytes`: with LF line ends. `tree`: the parts if the message is well-formed, otherwise None."""

    def __init__(self, kind, bytes, tree, date, flags, sender):
        self.kind = kind
        self.bytes = bytes
        self.tree = tree
        self.date = date
        self.flags = flags
        self.sender = sender

    @property
    def wire(self):
        return crlf(self.bytes)


def crlf(data):
    """Line ends as IMAP has them: a bare LF becomes CRLF, nothing else changes."""
    return re.sub(rb"(?<!\r)\n", b"\r\n", data)


def encode_word(rng, text):
    if text.isascii() and not re.search(r'[",\\]', text):
        return text
    if rng.random() < 0.5:
        return "=?utf-8?B?%s?=" % base64.b64encode(text.encode()).decode()
    return "=?UTF-8?Q?%s?=" % "".join(
        chr(b) if chr(b).isalnum() and b < 128 else "=%02X" % b for b in text.encode())


class Generator:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.serial = 0
        self.seed = seed

    # Words, addresses, headers

    def words(self, low, high):
        return " ".join(self.rng.choice(WORDS) for _ in range(self.rng.randint(low, high)))

    def ascii(self, low, high):
        return " ".join(word for word in self.words(low, high).split() if word.isascii()) or "silt"

    def lines(self, low, high, encoding="utf-8", ascii=False):
        make = self.ascii if ascii else self.words
        text = "".join(make(0, 14) + "\n" for _ in range(self.rng.randint(low, high)))
        return text.encode(encoding, "replace")

    def address(self):
        local = self.rng.choice(["zoe", "j.as", "\"odd @ local\"", "li+tag", "a"])
        domain = self.rng.choice(["example.org", "sub.example.com", "[192.0.2.1]", "EXAMPLE.net"])
        name = self.rng.choice(NAMES)
        style = self.rng.randrange(4)
        if style == 0:
            return "%s@%s" % (local, domain)
        if style == 1:
            return "%s@%s (%s)" % (local, domain, self.ascii(1, 2))
        if style == 2 and name.isascii():
            return '"%s" <%s@%s>' % (name.replace("\\", "\\\\").replace('"', '\\"'), local, domain)
        return "%s <%s@%s>" % (encode_word(self.rng, name), local, domain)

    def header(self, extra=()):
        """Of a message: the usual fields in some order, each there or not."""
        self.serial += 1
        fields = [
            "From: " + self.address(),
            "To: " + ",\n ".join(self.address() for _ in range(self.rng.randint(1, 3))),
            "Message-ID: <%d.%d@example.org>" % (self.seed, self.serial),
            "Date: " + self.rng.choice([
                "Mon, 21 Sep 2026 16:13:20 +0200", "5 Mar 26 09:12 GMT", "Thu, 1 Jan 1998 00:00:00 -0500 (EST)",
                "not a date", "Tue, 29 Feb 2028 23:59:60 +0000"]),
            "Subject: " + self.subject(),
        ]
        for chance, field in [
            (0.3, "Cc: " + self.address()), (0.2, "Reply-To: " + self.address()), (0.1, "Sender: " + self.address()),
            (0.3, "In-Reply-To: <%d.%d@example.org>" % (self.seed, self.serial - 1)),
            (0.3, "References: " + "\n\t".join("<%d@example.org>" % i for i in range(self.rng.randint(1, 30)))),
            (0.5, "Received: from a.example (a.example [192.0.2.7])\n\tby b.example with ESMTPS id %x;\n\tMon, 21 Sep 2026"
                  " 14:13:21 +0000" % self.rng.getrandbits(40)),
            (0.2, "X-Empty:"), (0.2, "X-Long: " + "x" * self.rng.randint(70, 1500)),
        ]:
            if self.rng.random() < chance:
                fields.append(field)
        self.rng.shuffle(fields)
        return "".join(field + "\n" for field in fields + list(extra)).encode()

    def subject(self):
        return self.rng.choice([
            self.ascii(1, 8), encode_word(self.rng, self.words(2, 6)), "Re: Re: " + self.ascii(2, 5), "",
            "[list] " + self.ascii(3, 30).replace(" silt", "\n silt"), '"quoted" and \\ back'])

    # Entities without a message's header, as (MIME header fields, body, children)

    def text(self, kind="text/plain", ascii=False):
        return Part(kind, b"Content-Type: %s; charset=utf-8\n" % kind.encode(), self.lines(1, 12, ascii=ascii))

    def encoded(self, kind, name):
        data = self.rng.randbytes(self.rng.randint(1, 4000))
        body = base64.encodebytes(data)
        if self.rng.random() < 0.3:
            body = body.rstrip(b"\n")
        header = 'Content-Type: %s; name="%s"\nContent-Transfer-Encoding: base64\n' % (kind, name)
        header += 'Content-Disposition: attachment;\n filename="%s"; size=%d\n' % (name, len(data))
        if self.rng.random() < 0.3:
            header += "Content-ID: <%x@example.org>\n" % self.rng.getrandbits(32)
            header += "Content-Description: %s\n" % self.ascii(1, 4)
        return Part(kind, header.encode(), body)

    def multipart(self, subtype, children, extra=""):
        boundary = self.rng.choice(["b%x", "=_%x", "----=_Part_%x", "'()+_,-./:=? %x"]) % self.rng.getrandbits(48)
        out = self.rng.choice([b"", b"", b"A reader without MIME sees this.\n"])
        for child in children:
            out += b"--" + boundary.encode() + self.rng.choice([b"", b"", b" \t"]) + b"\n" + child.bytes + b"\n"
        out += b"--" + boundary.encode() + b"--" + self.rng.choice([b"\n", b"\n\n", b"\nepilogue\n"])
        header = 'Content-Type: multipart/%s;%s boundary="%s"%s\n' % (
            subtype, self.rng.choice(["", "\n"]), boundary, extra)
        return Part("multipart/" + subtype, header.encode(), out, children)

    def rfc822(self, message):
        return Part("message/rfc822", b"Content-Type: message/rfc822\n", message.bytes, [message])

    def message(self, part):
        """The entity as a message of its own."""
        header = self.header(["MIME-Version: 1.0"]) + part.header
        return Part(part.kind, header, part.body, part.children)

    # Kinds of messages

    def plain(self):
        return Part("text/plain", self.header(), self.lines(1, 30, ascii=True))

    def utf8(self):
        return self.message(Part("text/plain", b"Content-Type: text/plain; charset=utf-8; format=flowed\n"
                                 b"Content-Transfer-Encoding: 8bit\nContent-Language: de, en\n", self.lines(1, 30)))

    def latin1(self):
        header = b"Content-Type: text/plain; charset=iso-8859-1\n"
        return self.message(Part("text/plain", header, self.lines(1, 30, "latin-1")))

    def quoted(self):
        body = b"".join(b"=C3=%02X" % self.rng.randint(128, 191) + b" silt=\n" for _ in range(20)) + b"end=20\n"
        header = b"Content-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n"
        return self.message(Part("text/html", header, body))

    def encoded_words(self):
        header = self.header(["Comments: " + "\n ".join(encode_word(self.rng, self.words(3, 9)) for _ in range(9))])
        return Part("text/plain", header, self.lines(0, 3))

    def groups(self):
        extra = ["Bcc: Friends: %s, %s;, undisclosed-recipients:;" % (self.address(), self.address())]
        return Part("text/plain", self.header(extra), self.lines(1, 3))

    def alternative(self):
        related = self.multipart("related", [self.text("text/html"), self.encoded("image/png", "dot.png")],
                                 '; type="text/html"')
        html = related if self.rng.random() < 0.5 else self.text("text/html")
        return self.message(self.multipart("alternative", [self.text(), html]))

    def attachment(self):
        files = [self.encoded("application/pdf", "report %d.pdf" % i) for i in range(self.rng.randint(1, 4))]
        return self.message(self.multipart("mixed", [self.text(), *files]))

    def nested(self, depth=0):
        inner = self.nested(depth + 1) if depth < 3 and self.rng.random() < 0.5 else self.alternative()
        return self.message(self.multipart("mixed", [self.text(), self.rfc822(inner), self.text("text/x-log")]))

    def digest(self):
        children = []
        for _ in range(self.rng.randint(2, 5)):
            message = Part("text/plain", self.header(), self.lines(1, 4))
            children.append(Part("message/rfc822", b"", message.bytes, [message]))
        return self.message(self.multipart("digest", children))

    def parameters(self):
        header = ("Content-Type: application/x-thing;\n name*0*=utf-8'el'%CE%91%CE%BD; name*1=\"rest.bin\"; a=b ;"
                  " c=\"\\\"d\\\"\"\n"
                  "Content-Disposition: inline; filename*=utf-8''%e2%82%ac.txt\nContent-MD5: 1B2M2Y8AsgTpgAmY7PhCfg==\n"
                  "Content-Location: http://example.org/%20\nContent-Transfer-Encoding: binary\n")
        body = self.rng.randbytes(300).translate(None, b"\r\n\0") + b"\n"
        return self.message(Part("application/x-thing", header.encode(), body))

    def long_line(self):
        return Part("text/plain", self.header(), b"z" * self.rng.randint(998, 70_000) + b"\nshort\n")

    def from_lines(self):
        lines = [b"From here on\n", b">From there\n", b">>From both\n", b"\n",
                 b"From zoe@example.org Mon Sep 21 16:13:20 2026\n", b"Subject: no header\n",
                 b"\n\n", b"> From\n", b"From\n", b"FROM \n"]
        self.rng.shuffle(lines)
        return Part("text/plain", self.header(), b"".join(lines))

    def empty_body(self):
        return Part("text/plain", self.header(), b"")

    def large(self):
        return self.message(self.multipart("mixed", [self.text(), Part(
            "application/octet-stream", b"Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n",
            base64.encodebytes(self.rng.randbytes(self.rng.randint(60_000, 500_000))))]))

    # Such as no standard allows; `tree` is not known

    def stray_cr(self):
        body = self.rng.choice([b"a\rb\n", b"\r\rend\n", b"progress 1\rprogress 2\r \n"]) + self.lines(1, 3)
        return self.header() + b"\n" + body

    def crlf_lines(self):
        data = self.header() + b"\n" + self.lines(2, 5)
        return self.rng.choice([data.replace(b"\n", b"\r\n"), data + b"half\r\nhalf\n", data + b"two\r\r\n"])

    def zero_bytes(self):
        return self.header() + b"\n\0null\0\n\xff\xfe\x00\x01\n"

    def header_only(self):
        return self.header()

    def bad_header(self):
        return (b"no colon here\nSubject : spaced\n: no name\n continued before it began\nSubject: second\nTo:\nFrom: <\n"
                b"Cc: \"unclosed <a@b>, c\nReply-To: @route,@route2:x@y, <>\nBcc: a@b@c; d, (((\n"
                b"Content-Type: text/plain\nContent-Type: multipart/mixed; boundary=x\n"
                b"X-8bit: \xe4\xf6\xfc \xff\nDate: \x01\x02\n\n" + self.lines(1, 4))

    def bad_mime(self):
        body = self.rng.choice([
            b"Content-Type: multipart/mixed\n\nno boundary\n",
            b"Content-Type: multipart/mixed; boundary=q\n\nnever begun\n",
            b"Content-Type: multipart/mixed; boundary=q\n\n--q\n\nnever ended\n",
            b"Content-Type: multipart/mixed; boundary=q\n\n--q\nContent-Type: multipart/mixed; boundary=qq\n\n--qq\n\nx\n"
            b"--q--\n",
            b"Content-Type: multipart/mixed; boundary=q\n\n--q--\n",
            b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAoKeQo=\n",
            b"Content-Type: message/rfc822\n\n",
            b"Content-Type: ; charset\n\nx\n", b"Content-Type: text/\n\nx\n", b"Content-Type: \"text\"/plain; =; ;;\n\nx\n",
            b"Content-Type: text/plain; charset=\"unclosed\n\nx\n",
            b"Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\nx\n----\n",
        ])
        return self.header(["MIME-Version: 1.0"]) + body

    def tiny(self):
        return self.rng.choice([b"\n", b"Subject: x\n", b"Subject: x\n\n", b"\nbody only\n", b"x\n", b"\n\n\n"])

    KINDS = [
        (20, plain), (10, utf8), (6, latin1), (5, quoted), (6, encoded_words), (3, groups), (10, alternative),
        (8, attachment), (5, nested), (3, digest), (3, parameters), (3, long_line), (4, from_lines), (2, empty_body),
        (0.4, large), (2, stray_cr), (2, crlf_lines), (1, zero_bytes), (1, header_only), (2, bad_header), (4, bad_mime),
        (1, tiny)]

    def mail(self, only=None):
        kinds = [(weight, make) for weight, make in self.KINDS if only is None or make.__name__ in only]
        make = self.rng.choices([k[1] for k in kinds], [k[0] for k in kinds])[0]
        made = make(self)
        tree = made if isinstance(made, Part) else None
        flags = {flag for flag in ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft") if self.rng.random() < 0.25}
        date = 1_600_000_000 + self.rng.randrange(190_000_000)
        return Mail(make.__name__, made.bytes if tree else made, tree, date, flags, "sender@example.org")


def generate(count, seed, only=None):
    """`count` messages; `only`: of these kinds, by name."""
    generator = Generator(seed)
    return [generator.mail(only) for _ in range(count)]


# Files

def with_status(mail):
    """The message with Status and X-Status fields that say its flags, as mbox programs write them."""
    status = ("R" if "\\Seen" in mail.flags else "") + "O"
    more = "".join(letter for letter, flag in
                   [("A", "\\Answered"), ("D", "\\Deleted"), ("F", "\\Flagged"), ("T", "\\Draft")] if flag in mail.flags)
    fields = b"Status: %s\n" % status.encode() + (b"X-Status: %s\n" % more.encode() if more else b"")
    return Mail(mail.kind, fields + mail.bytes, None, mail.date, mail.flags, mail.sender)


def mbox_entry(mail):
    """As mboxrd has it: lines of any number of ">" and "From " get one more ">"; an empty line ends the message."""
    asctime = time.strftime("%a %b %d %H:%M:%S %Y", time.gmtime(mail.date))
    quoted = re.sub(rb"(?m)^(>*From )", rb">\1", mail.bytes)
    return b"From %s %s\n" % (mail.sender.encode(), asctime.encode()) + quoted + b"\n"


def write_mbox(mails, path):
    with open(path, "wb") as file:
        for mail in mails:
            file.write(mbox_entry(mail))


def read_mbox(path):
    """The messages of an mboxrd file, as (envelope line, bytes)."""
    with open(path, "rb") as file:
        data = file.read()
    messages = []
    # Split at "\n" only: a message may have other bytes that Python takes for line ends.
    for line in data.split(b"\n")[:-1]:
        line += b"\n"
        if line.startswith(b"From "):
            messages.append((line.rstrip(b"\n"), []))
        else:
            messages[-1][1].append(line[1:] if re.match(rb">+From ", line) else line)
    result = []
    for envelope, lines in messages:
        if lines[-1] != b"\n":
            raise ValueError("no empty line behind the message of %r" % envelope)
        result.append((envelope, b"".join(lines[:-1])))
    return result


MAILDIR_LETTERS = [("D", "\\Draft"), ("F", "\\Flagged"), ("R", "\\Answered"), ("S", "\\Seen"), ("T", "\\Deleted")]


def write_maildir(mails, path):
    """Each message a file with its date as the file's; some of those without flags are still in new/."""
    for folder in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(path, folder), exist_ok=True)
    for number, mail in enumerate(mails):
        letters = "".join(letter for letter, flag in MAILDIR_LETTERS if flag in mail.flags)
        if not letters and number % 2:
            name = "new/%d.M%dP1.example" % (mail.date, number)
        else:
            name = "cur/%d.M%dP1.example:2,%s" % (mail.date, number, letters)
        name = os.path.join(path, name)
        with open(name, "wb") as file:
            file.write(mail.bytes)
        os.utime(name, (mail.date, mail.date))


def read_maildir(path):
    """The messages of a Maildir, as (bytes, set of flags, date)."""
    messages = []
    for folder in ("cur", "new"):
        for name in sorted(os.listdir(os.path.join(path, folder))):
            full = os.path.join(path, folder, name)
            letters = name.partition(":2,")[2]
            with open(full, "rb") as file:
                messages.append((file.read(), {flag for letter, flag in MAILDIR_LETTERS if letter in letters},
                                 int(os.stat(full).st_mtime)))
    return messages


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mbox")
    parser.add_argument("--maildir")
    arguments = parser.parse_args()
    mails = generate(arguments.count, arguments.seed)
    if arguments.mbox:
        write_mbox(mails, arguments.mbox)
    if arguments.maildir:
        write_maildir(mails, arguments.maildir)
    kinds = {}
    for mail in mails:
        kinds[mail.kind] = kinds.get(mail.kind, 0) + 1
    print("%d messages, %d bytes: %s" % (
        len(mails), sum(len(mail.bytes) for mail in mails),
        ", ".join("%s %d" % pair for pair in sorted(kinds.items(), key=lambda pair: -pair[1]))))


if __name__ == "__main__":
    main()
