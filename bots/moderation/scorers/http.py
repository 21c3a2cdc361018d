"""A source behind HTTP: a ``POST`` of JSON, answered by JSON."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import cast

import httpx

from bots.moderation.scorers.source import MAX_ANSWER_BYTES, ScorerFailed, decode_answer, encode_question

MAX_CONNECTIONS = 20


class HttpScorer:
    """Asks a service. ``transport`` is for tests; redirects are failures."""

    def __init__(
        self, name: str, url: str, headers: Mapping[str, str], *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.name, self._url = name, url
        self._client = httpx.AsyncClient(
            headers={**headers, "content-type": "application/json"},
            timeout=None,
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
            transport=transport,
            follow_redirects=False,
        )

    async def score(self, text: str) -> float:
        """See ``Source``."""
        body = bytearray()
        async with self._client.stream("POST", self._url, content=encode_question(text)) as response:
            if response.status_code != httpx.codes.OK:
                raise ScorerFailed(self.name, f"answers {response.status_code}")
            async with aclosing(cast("AsyncGenerator[bytes]", response.aiter_bytes())) as parts:
                async for part in parts:
                    body += part
                    if len(body) > MAX_ANSWER_BYTES:
                        raise ScorerFailed(self.name, f"answers more than {MAX_ANSWER_BYTES} bytes")
        return decode_answer(self.name, bytes(body))

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.aclose()
