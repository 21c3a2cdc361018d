"""Asks a running process, as ``botkit tree`` and ``botkit tail`` do. Plain and blocking, for a command's process."""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from urllib.parse import urlencode, urlsplit

import msgspec

from botkit.actor.tree import TreeNode
from botkit.errors import BotkitError

CONNECT_SECONDS = 5.0


class ProcessUnreachable(BotkitError):
    """The process at ``url`` does not answer, or not what it should; ``problem`` says why."""

    def __init__(self, url: str, problem: str) -> None:
        self.url, self.problem = url, problem
        super().__init__(f"{url}: {problem}")


def fetch_tree(url: str) -> TreeNode:
    """What runs in the process whose operations are at ``url``. Raises ``ProcessUnreachable``."""
    with _asked(url, "/tree") as response:
        try:
            return msgspec.json.decode(response.read(), type=TreeNode)
        except msgspec.MsgspecError as error:
            raise ProcessUnreachable(url, f"answers something else than a tree: {error}") from error


def follow_logs(url: str, wanted: Mapping[str, str]) -> Iterator[dict[str, object]]:
    """Its log entries as they are written, those whose fields are as ``wanted``; ends when the process does.

    Raises ``ProcessUnreachable``.
    """
    with _asked(url, f"/tail?{urlencode(wanted)}", forever=True) as response:
        try:
            for line in response:
                yield json.loads(line)
        except (OSError, http.client.HTTPException):
            return  # the process is gone, which ends its log too
        except ValueError as error:
            raise ProcessUnreachable(url, f"answers something else than log entries: {error}") from error


@contextmanager
def _asked(url: str, target: str, *, forever: bool = False) -> Iterator[http.client.HTTPResponse]:
    try:
        where = urlsplit(url)
        connection = http.client.HTTPConnection(where.hostname or "", where.port or 80, timeout=CONNECT_SECONDS)
    except ValueError as error:
        raise ProcessUnreachable(url, f"is no URL: {error}") from error
    with closing(connection):
        try:
            connection.request("GET", target)
            if forever and connection.sock is not None:
                connection.sock.settimeout(None)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            problem = getattr(error, "strerror", None) or str(error) or type(error).__name__
            hint = "does botkit run run there, with operations.listen?"
            raise ProcessUnreachable(url, f"does not answer: {problem}; {hint}") from error
        with response:
            if response.status != 200:
                problem = f"answers {response.status}: {response.read().decode(errors='replace').strip()}"
                raise ProcessUnreachable(url, problem)
            yield response
