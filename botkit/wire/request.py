"""What all requests are."""

from typing import ClassVar

from msgspec import Struct


class Request(Struct, frozen=True, kw_only=True):
    """What all requests have: the ``line`` that names the session."""

    function: ClassVar[str] = ""
    line: str = ""
