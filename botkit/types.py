"""Ids and JSON aliases that every room shares."""

from typing import NewType, TypeAlias

Account = NewType("Account", str)
"""A user's name within one app: 1 to 128 bytes of visible characters, no blank."""

AppId = NewType("AppId", str)
"""The vendor's ``appid`` (``vid`` on the wire): one isolated world of accounts and channels."""

ChannelName = NewType("ChannelName", str)
"""A channel's name: 1 to 128 bytes of visible characters; blanks inside are allowed."""

Uid = NewType("Uid", int)
"""The number that the gateway gives an account; the same in every session of that account."""

Line = NewType("Line", str)
"""The secret that names one login session on the wire; it comes back in every request."""

JsonScalar: TypeAlias = str | int | float | bool | None
JsonValue: TypeAlias = "JsonScalar | list[JsonValue] | dict[str, JsonValue]"
JsonObject: TypeAlias = dict[str, JsonValue]
