"""What every scenario needs: a temporary folder, the built programs, servers that are stopped whatever happens.

    import scenario

    def check(s):
        data = s.new_data("alice")
        with s.serve(data) as server:
            ...
        s.check_store(data, "alice")

    scenario.main(__doc__, check)

A scenario ends with exit status 0 only if nothing it expected failed. It can be run by hand:

    python3 roundtrip.py --bin .build/debug --seed 7 --keep
"""

import argparse
import contextlib
import ctypes
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

PASSWORD = "correct horse"

# Longer than anything takes on a slow machine: what exceeds it hangs.
PATIENCE = 60


class Failure(Exception):
    """An expectation that did not hold; its text says which."""


def expect(condition, text, *values):
    """Fails the scenario with `text % values` unless `condition` holds."""
    if not condition:
        raise Failure(text % values if values else text)


def expect_equal(found, expected, what):
    if found != expected:
        raise Failure("%s: %s" % (what, difference(found, expected)))


def difference(found, expected):
    """Where two values part, briefly."""
    if isinstance(found, bytes) and isinstance(expected, bytes):
        at = next((i for i, (a, b) in enumerate(zip(found, expected)) if a != b), min(len(found), len(expected)))
        near = slice(max(0, at - 30), at + 50)
        return "differs at byte %d (of %d; expected %d): %r instead of %r" % (
            at, len(found), len(expected), found[near], expected[near])
    found, expected = repr(found), repr(expected)
    return "%s instead of %s" % (found[:1500], expected[:1500])


def _die_with_parent():
    # PR_SET_PDEATHSIG: nothing outlives a scenario, even one that is killed itself. Processes are started by the
    # main thread only, because the death of the thread that forked is what counts.
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)


class Server:
    """A running varved."""

    def __init__(self, scenario, arguments, cwd=None):
        self.scenario = scenario
        self.log_path = scenario.path("varved-%d.log" % len(scenario.servers))
        self.arguments = [scenario.program("varved"), *arguments]
        self.log_file = open(self.log_path, "wb")
        self.process = subprocess.Popen(
            self.arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log_file, cwd=cwd,
            preexec_fn=_die_with_parent)
        scenario.servers.append(self)
        self.port = self.tls_port = None
        # What it must complain of: anything else is a failure.
        self.expected = None

    def wait_until_listening(self, count):
        """Takes the ports from the log, `listening … address=[IPv4]127.0.0.1/127.0.0.1:PORT … tls=false`."""
        deadline = time.monotonic() + PATIENCE
        while True:
            lines = [line for line in self.log().splitlines() if "listening" in line]
            if len(lines) >= count:
                break
            if self.process.poll() is not None:
                raise Failure("varved ended with status %s before it listened:\n%s" % (self.process.returncode, self.log()))
            expect(time.monotonic() < deadline, "varved does not listen:\n%s", self.log())
            time.sleep(0.01)
        for line in lines:
            found = re.search(r"address=\S*?:(\d+)(?=\s|$)", line)
            expect(found, "no address in varved's log line: %s", line)
            if "tls=true" in line:
                self.tls_port = int(found.group(1))
            else:
                self.port = int(found.group(1))
        return self

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def stop(self, timeout=PATIENCE):
        """SIGTERM; the server has to end in time, with status 0 and without a complaint in its log."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failure("varved does not end after SIGTERM:\n%s" % tail(self.log())) from None
        self.close()
        expect(status == 0, "varved ended with status %s:\n%s", status, tail(self.log()))
        self.check_log()

    def kill(self):
        """SIGKILL."""
        self.process.kill()
        self.process.wait()
        self.close()
        expect(self.process.returncode == -signal.SIGKILL,
               "varved had ended by itself, with status %s:\n%s", self.process.returncode, tail(self.log()))

    def check_log(self):
        bad = [line for line in self.log().splitlines()
               if re.match(r"\S+\s+(error|critical)\b", line) or "Fatal error" in line]
        if self.expected:
            expect(any(self.expected in line for line in bad), "varved says nothing of '%s':\n%s", self.expected, tail(self.log()))
            bad = [line for line in bad if self.expected not in line]
        expect(not bad, "varved complains in its log:\n%s", "\n".join(bad[:20]))

    def close(self):
        self.log_file.close()
        if self.process.stdout:
            self.process.stdout.close()

    def rss(self):
        """Resident bytes."""
        with open("/proc/%d/statm" % self.process.pid) as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
        elif self.process.poll() is not None:
            print("varved had ended with status %s; its log:\n%s" % (self.process.returncode, tail(self.log())))


def tail(text, lines=40):
    return "\n".join(text.splitlines()[-lines:])


class Scenario:
    def __init__(self, folder, bin_folder, seed):
        self.folder = folder
        self.bin = bin_folder
        self.seed = seed
        self.random = random.Random(seed)
        self.servers = []
        self.processes = []

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def program(self, name):
        path = os.path.join(self.bin, name)
        expect(os.access(path, os.X_OK), "there is no program %s", path)
        return path

    # Programs that end by themselves

    def run(self, arguments, input=None, status=0, cwd=None, env=None, timeout=PATIENCE * 5):
        """Runs to the end. `status` None: whatever it is. Returns a CompletedProcess with text for its output."""
        done = subprocess.run(
            arguments, input=input.encode() if isinstance(input, str) else input, capture_output=True, cwd=cwd,
            env=env, timeout=timeout, preexec_fn=_die_with_parent,
            **({"stdin": subprocess.DEVNULL} if input is None else {}))
        done.raw_stdout = done.stdout
        done.stdout = done.stdout.decode("utf-8", "replace")
        done.stderr = done.stderr.decode("utf-8", "replace")
        if status is not None and done.returncode != status:
            raise Failure("%s ended with status %d, not %d\n%s%s" % (
                " ".join(map(str, arguments)), done.returncode, status, tail(done.stdout), tail(done.stderr)))
        return done

    def start(self, arguments, **options):
        """Starts a program that is killed at the end of the scenario, if it is still there."""
        process = subprocess.Popen(arguments, preexec_fn=_die_with_parent, **options)
        self.processes.append(process)
        return process

    def varve(self, *arguments, **options):
        return self.run([self.program("varve"), *arguments], **options)

    def dump(self, *arguments, **options):
        return self.run([self.program("varve-dump"), *arguments], **options)

    # Data folders

    def new_data(self, *users, name="data"):
        """A data folder with these users, all with PASSWORD."""
        data = self.path(name)
        for user in users:
            self.varve("user", "add", "--data", data, user, "--password-stdin", input=PASSWORD + "\n")
        return data

    def check_store(self, data, user):
        """varve-dump finds nothing wrong with the account, bodies included."""
        self.dump(os.path.join(data, "accounts", user))
        self.dump("--bodies", os.path.join(data, "accounts", user))

    # Servers

    def serve(self, data, *arguments, tls=None):
        """varved on a free port of loopback; with `tls` (certificate, key) on a second one with implicit TLS."""
        extra = []
        if tls:
            extra = ["--imaps", "127.0.0.1:0", "--certificate", tls[0], "--key", tls[1]]
        server = Server(self, ["--data", data, "--imap", "127.0.0.1:0", *extra, *arguments])
        return server.wait_until_listening(2 if tls else 1)

    def certificate(self, name="127.0.0.1"):
        """A self-signed certificate for localhost and its key, as paths."""
        certificate, key = self.path("certificate.pem"), self.path("key.pem")
        self.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                  "-addext", "subjectAltName=DNS:localhost,IP:%s" % name, "-keyout", key, "-out", certificate])
        return certificate, key

    def clean_up(self):
        for process in [server.process for server in self.servers] + self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()


def find_programs():
    """The folder of a debug build, looked for upwards from this file."""
    folder = os.path.dirname(os.path.abspath(__file__))
    while folder != "/":
        candidate = os.path.join(folder, ".build", "debug")
        if os.access(os.path.join(candidate, "varved"), os.X_OK):
            return candidate
        folder = os.path.dirname(folder)
    return None


def main(description, check, options=None):
    """Runs `check(scenario, arguments)` with what the command line says, and ends the process."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.environ.get("VARVE_BIN") or find_programs(), help="folder of the programs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave the temporary folder where it is")
    if options:
        options(parser)
    arguments = parser.parse_args()
    if not arguments.bin:
        parser.error("no built programs are found: say --bin FOLDER")
    with contextlib.suppress(OSError):
        # All that is started here can be killed as one group.
        os.setpgid(0, 0)
    # A killed scenario cleans up too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    name = os.path.basename(sys.argv[0])
    # A measurement's JSON stands alone on standard output.
    notes = sys.stderr if getattr(arguments, "json", False) else sys.stdout
    print("%s --seed %d" % (name, arguments.seed), file=notes, flush=True)
    folder = tempfile.mkdtemp(prefix="varve-test-")
    scenario = Scenario(folder, os.path.abspath(arguments.bin), arguments.seed)
    status = 1
    started = time.monotonic()
    try:
        check(scenario, arguments)
        status = 0
        print("%s: all checks hold (%.1f s)" % (name, time.monotonic() - started), file=notes)
    except Failure as failure:
        print("FAILED with --seed %d: %s" % (arguments.seed, failure))
        where = traceback.extract_tb(failure.__traceback__)
        print("  at " + " < ".join("%s:%d" % (os.path.basename(f.filename), f.lineno) for f in reversed(where[1:])))
    except Exception:  # A protocol error of a library, a timeout: the trace says where.
        print("FAILED with --seed %d:" % arguments.seed)
        traceback.print_exc(file=sys.stdout)
    finally:
        # Nothing is printed before all is stopped: whoever reads this may have gone.
        scenario.clean_up()
        log = tail(scenario.servers[-1].log(), 15) if status and scenario.servers else None
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
        if log is not None:
            print("The last varved's log:\n%s" % log)
        if arguments.keep:
            print("kept: " + folder)
        sys.stdout.flush()
    sys.exit(status)
