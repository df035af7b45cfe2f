"""Stands between a mail program and a server, passes everything on, and remembers it: what a program does with a mailbox is
seen from what it asks for.

    recorder = Recorder(server.port)
    ...  # the program talks to recorder.port
    recorder.sessions[0].sent     # its lines, without the bytes of literals told apart
    recorder.sessions[0].received
"""

import contextlib
import socket
import threading


class Session:
    """One connection: the lines from the client, and those from the server, as text without line ends."""

    def __init__(self):
        self.to_server = bytearray()
        self.to_client = bytearray()

    @property
    def sent(self):
        return bytes(self.to_server).decode("utf-8", "replace").split("\r\n")

    @property
    def received(self):
        return bytes(self.to_client).decode("utf-8", "replace").split("\r\n")


class Recorder:
    def __init__(self, server_port):
        self.server_port = server_port
        self.sessions = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return  # It was closed.
            session = Session()
            self.sessions.append(session)
            server = socket.create_connection(("127.0.0.1", self.server_port))
            for source, target, record in ((client, server, session.to_server), (server, client, session.to_client)):
                threading.Thread(target=pass_on, args=(source, target, record), daemon=True).start()

    def take(self):
        """The sessions so far; what comes later begins anew."""
        sessions, self.sessions = self.sessions, []
        return sessions

    def close(self):
        # Closing alone would not end a thread that waits in accept.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def pass_on(source, target, record):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            record += data
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
