"""Debian's Dovecot for measurements beside it: a configuration, data folder and loopback port of its own, away from any
Dovecot that the machine may be running.

It does not run as root, since its mail processes refuse to: whoever starts it as root starts it as the user nobody.
"""

import contextlib
import getpass
import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from scenario import PATIENCE, expect

USER, PASSWORD = "alice", "secret"
PROGRAM = "/usr/sbin/dovecot"

# As Debian installs it, but for who runs it and where. What syncs and what is cached is left at the defaults.
CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
mail_location = {format}:{folder}/mail
mail_max_userip_connections = 0
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/home
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""


def version():
    """As Dovecot tells it; fails if it is not installed."""
    program = shutil.which("dovecot") or PROGRAM
    expect(os.access(program, os.X_OK) and os.access("/usr/lib/dovecot/imap", os.X_OK),
           "Dovecot is not installed: apt-get install dovecot-imapd")
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[0]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def serve(s, format):
    """A running Dovecot that keeps its mail in this format (`sdbox`, `mdbox`, `maildir`). Yields its port and its first process' id."""
    version()
    user = pwd.getpwnam("nobody" if os.geteuid() == 0 else getpass.getuser())
    # A folder of its own: a scenario's is not open to another user.
    folder = tempfile.mkdtemp(prefix="varve-dovecot-")
    process = None
    try:
        port = free_port()
        for name in ("run", "state", "home", "mail"):
            os.mkdir(os.path.join(folder, name), 0o700)
        configuration = os.path.join(folder, "dovecot.conf")
        with open(configuration, "w") as file:
            file.write(CONFIGURATION.format(
                folder=folder, user=user.pw_name, group=grp.getgrgid(user.pw_gid).gr_name, format=format,
                password=PASSWORD, port=port))
        switch = {}
        if os.geteuid() == 0:
            switch = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            for path, folders, files in os.walk(folder):
                for name in [path] + [os.path.join(path, name) for name in files]:
                    os.chown(name, user.pw_uid, user.pw_gid)
        process = s.start(
            [shutil.which("dovecot") or PROGRAM, "-F", "-c", configuration],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder, **switch)
        wait_until_listening(process, port, os.path.join(folder, "dovecot.log"))
        yield port, process.pid
    finally:
        if process:
            stop(process)
        shutil.rmtree(folder, ignore_errors=True)


def wait_until_listening(process, port, log):
    deadline = time.monotonic() + PATIENCE
    while True:
        if process.poll() is not None:
            text = open(log, errors="replace").read() if os.path.exists(log) else ""
            expect(False, "Dovecot ended with status %s:\n%s%s", process.returncode, process.stderr.read().decode(), text)
        with contextlib.suppress(ConnectionError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        expect(time.monotonic() < deadline, "Dovecot does not listen")
        time.sleep(0.05)


def stop(process):
    """Its children end with it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stderr.close()
