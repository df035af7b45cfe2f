"""ENVELOPE and BODYSTRUCTURE by the grammar of RFC 3501 §9: what does not fit is a failure."""

from scenario import expect


def nstring(value, what):
    expect(value is None or (isinstance(value, bytes)), "%s is no nstring: %r", what, value)


def string(value, what):
    expect(isinstance(value, bytes), "%s is no string: %r", what, value)


def number(value, what):
    expect(isinstance(value, int), "%s is no number: %r", what, value)


def envelope(value):
    expect(isinstance(value, list) and len(value) == 10, "an ENVELOPE has ten fields: %r", value)
    for index, name in ((0, "date"), (1, "subject"), (8, "in-reply-to"), (9, "message-id")):
        nstring(value[index], "ENVELOPE " + name)
    for index, name in ((2, "from"), (3, "sender"), (4, "reply-to"), (5, "to"), (6, "cc"), (7, "bcc")):
        addresses = value[index]
        expect(addresses is None or (isinstance(addresses, list) and addresses), "ENVELOPE %s: %r", name, addresses)
        for address in addresses or []:
            expect(isinstance(address, list) and len(address) == 4, "ENVELOPE %s has an address %r", name, address)
            for field in address:
                nstring(field, "ENVELOPE " + name)


class Body:
    """A part as BODYSTRUCTURE tells it. `path`: its part number, () for the whole of a multipart message."""

    def __init__(self, path, kind, size=None, lines=None, children=(), envelope=None, encoding=None):
        self.path = path
        self.kind = kind
        self.size = size
        self.lines = lines
        self.children = list(children)
        self.envelope = envelope
        self.encoding = encoding

    @property
    def number(self):
        return ".".join(map(str, self.path))

    def walk(self):
        yield self
        for child in self.children:
            yield from child.walk()


def body(value, extensible, path=()):
    """Parses the BODY or BODYSTRUCTURE of a message whose parts' numbers begin with `path`."""
    if isinstance(value, list) and value and isinstance(value[0], list):
        return _multipart(value, extensible, path)
    return _single(value, extensible, path + (1,))


def _multipart(value, extensible, path):
    count = next((i for i, child in enumerate(value) if not isinstance(child, list)), len(value))
    children = [_part(child, extensible, path + (i + 1,)) for i, child in enumerate(value[:count])]
    rest = value[count:]
    expect(rest, "multipart without a subtype: %r", value)
    string(rest[0], "multipart subtype")
    if extensible:
        _extension(rest[1:], value, with_md5=False)
    else:
        expect(len(rest) == 1, "BODY has extension data: %r", rest)
    return Body(path, "multipart/" + rest[0].decode().lower(), children=children)


def _part(value, extensible, path):
    if isinstance(value, list) and value and isinstance(value[0], list):
        return _multipart(value, extensible, path)
    return _single(value, extensible, path)


def _single(value, extensible, path):
    expect(isinstance(value, list) and len(value) >= 7, "no body structure: %r", value)
    string(value[0], "type")
    string(value[1], "subtype")
    kind = "%s/%s" % (value[0].decode().lower(), value[1].decode().lower())
    _parameters(value[2], "body parameters")
    nstring(value[3], "body id")
    nstring(value[4], "body description")
    string(value[5], "body encoding")
    number(value[6], "body octets")
    part = Body(path, kind, size=value[6], encoding=value[5].decode().lower())
    rest = value[7:]
    if kind == "message/rfc822":
        expect(len(rest) >= 3, "message/rfc822 without envelope, body and lines: %r", value)
        envelope(rest[0])
        part.envelope = rest[0]
        part.children = [body(rest[1], extensible, path)]
        number(rest[2], "lines")
        part.lines = rest[2]
        rest = rest[3:]
    elif kind.startswith("text/"):
        expect(rest, "text without lines: %r", value)
        number(rest[0], "lines")
        part.lines = rest[0]
        rest = rest[1:]
    if extensible:
        _extension(rest, value, with_md5=True)
    else:
        expect(not rest, "BODY has extension data: %r", rest)
    return part


def _parameters(value, what):
    expect(value is None or (isinstance(value, list) and value and len(value) % 2 == 0), "%s: %r", what, value)
    for item in value or []:
        string(item, what)


def _extension(fields, whole, with_md5):
    """MD5 or parameters, then disposition, language, location; any may be left out from the end."""
    fields = list(fields)
    expect(len(fields) <= 4, "more extension data than RFC 3501 defines: %r", whole)
    if fields:
        first = fields.pop(0)
        if with_md5:
            nstring(first, "body MD5")
        else:
            _parameters(first, "multipart parameters")
    if fields:
        disposition = fields.pop(0)
        if disposition is not None:
            expect(isinstance(disposition, list) and len(disposition) == 2, "disposition: %r", disposition)
            string(disposition[0], "disposition")
            _parameters(disposition[1], "disposition parameters")
    if fields:
        language = fields.pop(0)
        if isinstance(language, list):
            expect(language, "empty list of languages")
            for item in language:
                string(item, "language")
        else:
            nstring(language, "language")
    if fields:
        nstring(fields.pop(0), "location")

