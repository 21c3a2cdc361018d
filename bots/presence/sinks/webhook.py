"""Signed batches over HTTP. The receiver answers with 2xx when it has them; anything else has them sent again.

The body is ``{"v": 1, "sink": NAME, "records": […]}``; records come in order, of an account and all together. The
header ``Idempotency-Key`` is the same for each try of a batch; records have an ``id`` and a ``cursor`` of their own.
``Botkit-Signature`` is explained in ``bots.presence.signing``.
"""

from collections.abc import Sequence

import httpx
import msgspec
from msgspec import Struct

from botkit import BotkitError, WallClock
from bots.presence.records import VERSION, Place, Record
from bots.presence.signing import HEADER, sign

MAX_ANSWER_BYTES = 64 * 1024
"""What a receiver says after its status is read, so that its connection can be used again, if it is no more."""


class Delivery(Struct, frozen=True, kw_only=True):
    """The body of a webhook."""

    v: int
    sink: str
    records: Sequence[Record]


class WebhookRefused(BotkitError):
    """The receiver at ``host`` did not take a batch: it answered ``status``. The rest of its URL may be secret."""

    def __init__(self, host: str, status: int) -> None:
        self.host, self.status = host, status
        super().__init__(f"{host} answers {status}")


class WebhookSink:
    """Posts to ``url``, signed with ``secret``. ``transport`` is for tests."""

    remembers = False

    def __init__(
        self, name: str, url: str, secret: str, *, timeout: float, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._name, self._url, self._secret = name, url, secret
        self._client = httpx.AsyncClient(timeout=timeout, transport=transport, follow_redirects=False)
        self._clock = WallClock()

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def last_told(self) -> Place | None:
        """Only the receiver knows."""
        return None

    async def deliver(self, records: Sequence[Record]) -> None:
        """Post these. Raises ``WebhookRefused`` and ``httpx.HTTPError``."""
        body = msgspec.json.encode(Delivery(v=VERSION, sink=self._name, records=records))
        headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "Idempotency-Key": f"{self._name}:{_place(records[0])}:{_place(records[-1])}",
            HEADER: sign(self._secret, body, int(self._clock.seconds())),
        }
        async with self._client.stream("POST", self._url, content=body, headers=headers) as answer:
            if not 200 <= answer.status_code < 300:
                raise WebhookRefused(answer.request.url.host, answer.status_code)
            if int(answer.headers.get("Content-Length", MAX_ANSWER_BYTES + 1)) <= MAX_ANSWER_BYTES:
                await answer.aread()


def _place(record: Record) -> str:
    return ".".join(str(number) for number in record.cursor or ())
