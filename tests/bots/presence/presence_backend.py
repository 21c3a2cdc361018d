"""A backend that takes webhooks by HTTP, written as somebody would who has only read the documentation."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from msgspec import Struct

Mood = Literal["well", "forgets to answer", "hangs"]


class Delivery(Struct, frozen=True):
    """One request: its idempotency key, and its records; or what was wrong with it."""

    key: str
    records: tuple[dict[str, Any], ...]
    problem: str = ""


class Backend:
    """Listens on a port of its own, always the same one, while it is up."""

    def __init__(self, secret: str) -> None:
        self.mood: Mood = "well"
        self.deliveries: list[Delivery] = []
        self._secret = secret.encode()
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self._well = threading.Event()

    @property
    def url(self) -> str:
        """Where to send to."""
        return f"http://127.0.0.1:{self._port}/presence"

    def up(self) -> None:
        """Listen."""
        backend = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = backend._take(self.headers["Botkit-Signature"], self.headers["Idempotency-Key"], body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """It says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def down(self) -> None:
        """Listen no more: whoever connects is refused."""
        if self._server is not None:
            self._well.set()
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def be(self, mood: Mood) -> None:
        """From the next request on; those that hang are let go."""
        self.mood = mood
        if mood == "well":
            self._well.set()
        else:
            self._well.clear()

    def taken(self) -> list[dict[str, Any]]:
        """Each record once, by its cursor, in the order of their coming."""
        records, cursor = [], [0, 0, 0]
        for delivery in list(self.deliveries):
            for record in delivery.records:
                if record["cursor"] > cursor:
                    cursor = record["cursor"]
                    records.append(record)
        return records

    def _take(self, signature: str, key: str, body: bytes) -> int:
        content = json.loads(body)
        self.deliveries.append(Delivery(key, tuple(content["records"]), self._problem(signature, body)))
        if self.mood == "hangs":
            self._well.wait(600)
        return 204 if self.mood == "well" else 500

    def _problem(self, signature: str, body: bytes) -> str:
        parts = dict(part.split("=", 1) for part in signature.split(","))
        digest = hmac.new(self._secret, f"{parts['t']}.".encode() + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(digest, parts["v1"]):
            return "the signature is wrong"
        return "it is too old" if abs(time.time() - int(parts["t"])) > 300 else ""


@contextmanager
def open_backend(secret: str) -> Iterator[Backend]:
    """A backend that is up, until the end of the block."""
    backend = Backend(secret)
    backend.up()
    try:
        yield backend
    finally:
        backend.down()
