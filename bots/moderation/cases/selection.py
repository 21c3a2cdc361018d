"""Which cases an undo, or a list, is about."""

from typing import Annotated

from msgspec import Meta, Struct

from botkit import SqlValue
from bots.moderation.cases.facts import Lane


class Selection(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Cases to which all of this applies; what is left out applies to each.

    ``case``: one case. ``rule``, with ``version`` or of any. ``by``: what a moderator did by hand, or the bot.
    ``account``: who was acted on. ``since_ms`` and ``until_ms``: a window of time, both ends in it (0: open).
    """

    case: Annotated[int, Meta(ge=0)] = 0
    rule: str = ""
    version: str = ""
    by: str = ""
    account: str = ""
    since_ms: int = 0
    until_ms: int = 0

    @property
    def is_everything(self) -> bool:
        """Whether nothing is said at all."""
        return self == Selection()

    def where(self, lane: Lane) -> tuple[str, dict[str, SqlValue]]:
        """A condition on the table of cases, and its parameters."""
        conditions, values = ["lane = :lane"], {"lane": lane}  # type: tuple[list[str], dict[str, SqlValue]]
        if self.case:
            conditions, values["case"] = [*conditions, "id = :case"], self.case
        for name in ("rule", "version", "by", "account"):
            if text := getattr(self, name):
                conditions.append(f'"{name}" = :{name}')
                values[name] = text
        if self.since_ms:
            conditions, values["since"] = [*conditions, "ms >= :since"], self.since_ms
        if self.until_ms:
            conditions, values["until"] = [*conditions, "ms <= :until"], self.until_ms
        return " AND ".join(conditions), values

    def __str__(self) -> str:
        words = [f"case {self.case}" if self.case else "", f"rule {self.rule}" if self.rule else ""]
        words += [f"version {self.version}" if self.version else "", f"by {self.by}" if self.by else ""]
        words += [f"of {self.account}" if self.account else ""]
        words += [f"since {self.since_ms}" if self.since_ms else "", f"until {self.until_ms}" if self.until_ms else ""]
        return ", ".join(word for word in words if word) or "everything"
