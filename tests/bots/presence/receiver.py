"""Somebody who receives webhooks, and may be down."""

import httpx
import msgspec

from botkit import WallClock
from bots.presence.records import Place, Record
from bots.presence.signing import HEADER, verify_signature
from bots.presence.sinks.webhook import Delivery

SECRET = "a secret of some length"
URL = "https://backend.example.org/presence"


class Receiver:
    """Takes what is signed, and passes over what it has."""

    def __init__(self) -> None:
        self.taken: list[Record] = []
        self.tries = self.repeated = 0
        self.keys: list[str] = []
        self.down = self.forgets_to_answer = self.hangs = False
        self.cursor: Place = (0, 0, 0)
        self._clock = WallClock()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one delivery."""
        self.tries += 1
        if self.down:
            raise httpx.ConnectError("nobody listens")
        body = await request.aread()
        verify_signature(SECRET, request.headers[HEADER], body, self._clock.seconds())
        self.keys.append(request.headers["Idempotency-Key"])
        for record in msgspec.json.decode(body, type=Delivery).records:
            assert record.cursor is not None
            if record.cursor > self.cursor:
                self.taken.append(record)
                self.cursor = record.cursor
            else:
                self.repeated += 1
        return httpx.Response(500 if self.forgets_to_answer else 204)
