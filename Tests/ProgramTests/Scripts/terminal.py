"""Runs a program that wants a terminal, and looks at its screen."""

import os
import pty
import select
import signal
import time

from scenario import PATIENCE, Failure, expect


def run(s, arguments, cwd=None, answers=()):
    """Runs to the end, which has to be status 0.

    `answers`: (text, keys) pairs: when the text has appeared on the screen the keys are pressed, one pair after another.
    Instead of keys it may be a function, which is called then and returns them.
    """
    environment = {"TERM": "xterm", "HOME": s.path(), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "LINES": "30",
                   "COLUMNS": "100"}
    process, terminal = pty.fork()
    if process == 0:
        try:
            if cwd:
                os.chdir(cwd)
            os.execvpe(arguments[0], arguments, environment)
        finally:
            os._exit(127)
    answers = list(answers)
    screen = seen = b""
    deadline = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 0.5)[0]:
                continue
            output = read(terminal)
            if not output:
                status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
                process = None
                expect(status == 0, "%s ended with status %d; its screen:\n%s", arguments[0], status, readable(screen))
                expect(not answers, "%s ended without showing %r; its screen:\n%s", arguments[0], answers, readable(screen))
                return
            screen += output
            seen += output
            if answers and answers[0][0].encode() in seen:
                keys = answers.pop(0)[1]
                os.write(terminal, (keys() if callable(keys) else keys).encode())
                seen = b""
        raise Failure("%s does not end; its screen:\n%s" % (arguments[0], readable(screen)))
    finally:
        if process:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        os.close(terminal)


def read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""  # EIO: the other side has closed.


def readable(screen):
    """The terminal's bytes without most of what moves the cursor."""
    text = screen[-6000:].decode("utf-8", "replace")
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)
