#!/usr/bin/env python3
"""Python's imapclient, a library that many programs speak IMAP with: ENABLE, what has changed and vanished since a state,
searches by modseq, IDLE, several messages in one APPEND, MOVE, folders with a special use and their STATUS."""

import datetime

import imapclient

import scenario
import wire
from scenario import PASSWORD, expect, expect_equal

COUNT = 30
# More than there are. Its newer versions take no "1:*".
UIDS = list(range(1, COUNT + 20))
CAPABILITIES = ("ENABLE", "CONDSTORE", "QRESYNC", "IDLE", "MOVE", "UIDPLUS", "UNSELECT", "NAMESPACE", "MULTIAPPEND",
                "SPECIAL-USE", "CREATE-SPECIAL-USE")


def check(s, arguments):
    data = s.new_data("alice")
    with s.serve(data) as server:
        other = wire.Client(server.port)
        other.login("alice", PASSWORD)
        client = imapclient.IMAPClient("127.0.0.1", server.port, ssl=False)
        client.login("alice", PASSWORD)
        missing = [name for name in CAPABILITIES if not client.has_capability(name)]
        expect(not missing, "these are no capabilities: %s", missing)
        check_append(client)
        check_condstore(client, other)
        check_qresync(client, other)
        check_idle(client, other)
        check_move(client)
        check_folders(client, other)
        client.logout()
        other.logout()
    s.check_store(data, "alice")


def message(subject):
    return ("From: a@example.org\r\nTo: b@example.org\r\nSubject: %s\r\n\r\nText of %s.\r\n" % (subject, subject)).encode()


def check_append(client):
    """RFC 3502: all of the messages in one command. Each has flags, if only (): between two literals that follow each other
    imapclient sends two spaces, which the RFC's grammar does not know."""
    date = datetime.datetime(2026, 9, 21, 16, 13, tzinfo=datetime.timezone.utc)
    client.multiappend("INBOX", [{"msg": message("plain-%d" % n), "flags": []} for n in range(COUNT - 2)] + [
        {"msg": message("dated"), "flags": [], "date": date}, {"msg": message("flagged"), "flags": [imapclient.FLAGGED]}])
    client.append("INBOX", message("last"), flags=["\\Seen", "$Label1"], msg_time=date)
    client.select_folder("INBOX")
    found = client.fetch(UIDS, ["BODY.PEEK[]", "FLAGS", "INTERNALDATE"])
    expect_equal([found[uid][b"BODY[]"] for uid in sorted(found)],
                 [message("plain-%d" % n) for n in range(COUNT - 2)] + [message(n) for n in ("dated", "flagged", "last")],
                 "messages after APPEND")
    expect_equal([set(found[uid][b"FLAGS"]) - {b"\\Recent"} for uid in (COUNT - 2, COUNT - 1, COUNT, COUNT + 1)],
                 [set(), set(), {b"\\Flagged"}, {b"\\Seen", b"$Label1"}], "flags after APPEND")
    for uid in (COUNT - 1, COUNT + 1):
        expect_equal(found[uid][b"INTERNALDATE"].timestamp(), date.timestamp(), "date of message %d" % uid)
    client.unselect_folder()


def check_condstore(client, other):
    """RFC 7162 §3.1: what has changed since a state, and what a search says of modseqs."""
    enabled = client.enable("CONDSTORE")
    expect_equal(enabled, [b"CONDSTORE"], "ENABLE CONDSTORE")
    before = client.select_folder("INBOX")[b"HIGHESTMODSEQ"]
    expect_equal(client.folder_status("INBOX", ["HIGHESTMODSEQ", "MESSAGES"]),
                 {b"HIGHESTMODSEQ": before, b"MESSAGES": COUNT + 1}, "STATUS")
    expect_equal(client.fetch(UIDS, ["FLAGS"], ["CHANGEDSINCE %d" % before]), {}, "FETCH of changes before there are any")
    other.command("SELECT INBOX")
    other.command("UID STORE 3,5:6 +FLAGS (\\Flagged $Work)")
    changed = client.fetch(UIDS, ["FLAGS"], ["CHANGEDSINCE %d" % before])
    expect_equal(sorted(changed), [3, 5, 6], "FETCH of changes")
    for uid, items in changed.items():
        expect_equal(set(items[b"FLAGS"]) - {b"\\Recent"}, {b"\\Flagged", b"$Work"}, "flags of message %d" % uid)
        expect(items[b"MODSEQ"][0] > before, "modseq of message %d: %r", uid, items)
    found = client.search(["MODSEQ", str(before + 1)])
    expect_equal(sorted(found), [3, 5, 6], "SEARCH MODSEQ")
    expect_equal(found.modseq, max(items[b"MODSEQ"][0] for items in changed.values()), "modseq of the SEARCH")


def check_qresync(client, other):
    """RFC 7162 §3.2.6: what has vanished comes along."""
    client.unselect_folder()
    expect_equal(client.enable("QRESYNC"), [b"QRESYNC"], "ENABLE QRESYNC")
    before = client.select_folder("INBOX")[b"HIGHESTMODSEQ"]
    client.unselect_folder()
    other.command("UID STORE 1,8:10 +FLAGS (\\Deleted)")
    other.command("EXPUNGE")
    other.command("UID STORE 2 +FLAGS (\\Answered)")
    after = client.select_folder("INBOX")
    expect_equal(after[b"EXISTS"], COUNT - 3, "messages after the expunge")
    # imapclient leaves VANISHED to who asks for it.
    client._imap.response("VANISHED")
    changed = client.fetch(UIDS, ["FLAGS"], ["CHANGEDSINCE %d VANISHED" % before])
    expect_equal(sorted(changed), [2], "changes beside what has vanished")
    expect_equal(client._imap.response("VANISHED")[1], [b"(EARLIER) 1,8:10"], "what has vanished")
    client.delete_messages([11], silent=True)
    client.uid_expunge([11])
    expect_equal(client._imap.response("VANISHED")[1], [b"11"], "what it has expunged itself")


def check_idle(client, other):
    """Another connection's change arrives without a question."""
    client.idle()
    other.append("INBOX", message("while-idle"))
    responses = []
    while not any(response[1:] == (b"EXISTS",) for response in responses):
        more = client.idle_check(timeout=scenario.PATIENCE)
        expect(more, "nothing is told in IDLE: %r", responses)
        responses += more
    other.command("UID STORE 12 +FLAGS (\\Seen)")
    while not any(response[1:2] == (b"FETCH",) and b"\\Seen" in response[2][response[2].index(b"FLAGS") + 1]
                  for response in responses):
        more = client.idle_check(timeout=scenario.PATIENCE)
        expect(more, "a changed flag is not told in IDLE: %r", responses)
        responses += more
    client.idle_done()
    client.noop()


def check_move(client):
    client.create_folder("Old")
    client.move([12, 13], "Old")
    client.copy([14], "Old")
    expect_equal(client.folder_status("Old", ["MESSAGES", "UIDNEXT"]), {b"MESSAGES": 3, b"UIDNEXT": 4}, "STATUS of Old")
    expect_equal([uid for uid in client.search() if 11 < uid < 15], [14], "UIDs after MOVE")


def check_folders(client, other):
    """RFC 6154: the folders of a special use, by their use and not by their names."""
    other.command("CREATE Gesendet (USE (\\Sent))")
    other.command("CREATE Entw&APw-rfe (USE (\\Drafts))")
    expect_equal(client.find_special_folder(b"\\Sent"), "Gesendet", "the folder for what was sent")
    expect_equal(client.find_special_folder(b"\\Drafts"), "Entwürfe", "the folder for drafts")
    listed = {name: flags for flags, _, name in client.list_folders()}
    expect_equal(sorted(listed), ["Entwürfe", "Gesendet", "INBOX", "Old"], "folders")
    expect(b"\\Sent" in listed["Gesendet"], "attributes of Gesendet: %r", listed)
    client.subscribe_folder("Old")
    expect_equal([name for _, _, name in client.list_sub_folders()], ["Old"], "folders that are subscribed to")


if __name__ == "__main__":
    scenario.main(__doc__, check)
