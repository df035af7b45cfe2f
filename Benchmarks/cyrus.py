"""Debian's Cyrus for measurements beside it: unpacked to a folder of its own, since its packages cannot be installed together with
Dovecot's, with a configuration, data folder and loopback port of its own.

It does not run as root, since its processes refuse to: whoever starts it as root starts it as the user nobody.
"""

import contextlib
import getpass
import imaplib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import dovecot
from scenario import PATIENCE, expect

# What Debian's configuration says, as far as it is not about where things are or about programs that are left out. What syncs and
# what is cached is left at the defaults.
IMAPD = """
configdirectory: {folder}/conf
partition-default: {folder}/spool
defaultpartition: default
mboxname_lockpath: {folder}/lock
proc_path: {folder}/proc
idlesocket: {folder}/idle
admins: cyrus
allowplaintext: yes
sasl_mech_list: PLAIN
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {folder}/sasldb
unixhierarchysep: yes
altnamespace: yes
hashimapspool: yes
maxlogins_per_user: 0
syslog_prefix: varve-bench-cyrus
"""

CYRUS = """
START {{
  recover cmd="{bin}/ctl_cyrusdb -C {folder}/imapd.conf -r"
  idled cmd="{bin}/idled -C {folder}/imapd.conf"
}}
SERVICES {{
  imap cmd="{bin}/imapd -C {folder}/imapd.conf -U 30" listen="127.0.0.1:{port}" prefork=0 maxchild=2000
}}
EVENTS {{
  checkpoint cmd="{bin}/ctl_cyrusdb -C {folder}/imapd.conf -c" period=30
}}
"""


def libraries(root):
    return ":".join(os.path.join(root, folder, "x86_64-linux-gnu") for folder in ("usr/lib", "lib"))


def environment(root, user):
    return dict(os.environ, LD_LIBRARY_PATH=libraries(root), CYRUS_USER=user)


@contextlib.contextmanager
def serve(s, root):
    """A running Cyrus. Yields its port and its first process' id."""
    expect(os.access(os.path.join(root, "usr/lib/cyrus/bin/master"), os.X_OK),
           "Cyrus is not unpacked in %s: Benchmarks/servers.sh does that", root)
    user = pwd.getpwnam("nobody" if os.geteuid() == 0 else getpass.getuser())
    # A folder of its own: a scenario's is not open to another user.
    folder = tempfile.mkdtemp(prefix="varve-cyrus-")
    process = None
    try:
        port = dovecot.free_port()
        binaries = os.path.join(root, "usr/lib/cyrus/bin")
        for name in ("conf", "spool", "lock", "proc", "conf/socket", "conf/db"):
            os.mkdir(os.path.join(folder, name), 0o700)
        for name, text in (("imapd.conf", IMAPD), ("cyrus.conf", CYRUS)):
            with open(os.path.join(folder, name), "w") as file:
                file.write(text.format(folder=folder, bin=binaries, port=port))
        variables = environment(root, user.pw_name)
        for name in ("cyrus", dovecot.USER):
            subprocess.run(
                [os.path.join(root, "usr/sbin/saslpasswd2"), "-p", "-c", "-f", os.path.join(folder, "sasldb"),
                 "-u", socket.gethostname(), name],
                input=dovecot.PASSWORD, text=True, check=True, env=variables)
        if os.geteuid() == 0:
            for path, folders, files in os.walk(folder):
                for name in [path] + [os.path.join(path, name) for name in files]:
                    os.chown(name, user.pw_uid, user.pw_gid)
        switch = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        process = s.start(
            [os.path.join(binaries, "master"), "-D", "-C", os.path.join(folder, "imapd.conf"), "-M", os.path.join(folder, "cyrus.conf"),
             "-p", os.path.join(folder, "master.pid")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder, env=variables, **switch)
        create_user(process, port)
        yield port, process.pid
    finally:
        if process:
            dovecot.stop(process)
        shutil.rmtree(folder, ignore_errors=True)


def create_user(process, port):
    """Its administrator makes a user's first mailbox, once it listens."""
    deadline = time.monotonic() + PATIENCE
    while True:
        expect(process.poll() is None, "Cyrus ended with status %s", process.returncode)
        try:
            client = imaplib.IMAP4("127.0.0.1", port)
            break
        except (ConnectionError, imaplib.IMAP4.abort) as error:
            expect(time.monotonic() < deadline, "Cyrus does not listen: %s", error)
            time.sleep(0.1)
    client.login("cyrus", dovecot.PASSWORD)
    status, answer = client.create("user/" + dovecot.USER)
    expect(status == "OK", "Cyrus made no mailbox: %s", answer)
    client.logout()
