"""varved, Dovecot and Cyrus under the same load, on loopback: run by servers.sh, which sees to it that they are there."""

import contextlib
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Tests", "ProgramTests", "Scripts"))

import cyrus  # noqa: E402
import dovecot  # noqa: E402
import scenario  # noqa: E402


def options(parser):
    parser.add_argument("--cyrus", metavar="FOLDER", help="where Cyrus' packages are unpacked; without it, it takes no part")
    parser.add_argument("--no-dovecot", action="store_true", help="Dovecot takes no part")
    parser.add_argument("load", nargs="*", help="options for varve-bench imap, behind --")


def check(s, arguments):
    with contextlib.ExitStack() as stack:
        data = s.new_data()
        s.varve("user", "add", "--data", data, dovecot.USER, "--password-stdin", input=dovecot.PASSWORD + "\n")
        varved = stack.enter_context(s.serve(data))
        servers = [("Varve", varved.port, varved.process.pid)]
        if not arguments.no_dovecot:
            servers.append(("Dovecot", *stack.enter_context(dovecot.serve(s, "sdbox"))))
        if arguments.cyrus:
            servers.append(("Cyrus", *stack.enter_context(cyrus.serve(s, os.path.abspath(arguments.cyrus)))))
        command = [s.program("varve-bench"), "imap"] + ["%s=127.0.0.1:%d" % server[:2] for server in servers]
        command += ["--user", dovecot.USER, "--password", dovecot.PASSWORD]
        for name, _, process in servers:
            command += ["--process", "%s=%d" % (name, process)]
        # Its progress and its table are for whoever runs this.
        scenario.expect_equal(subprocess.run(command + arguments.load).returncode, 0, "varve-bench' exit status")


if __name__ == "__main__":
    scenario.main(__doc__, check, options)
