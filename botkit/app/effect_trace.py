"""Reads the effect log in a store: which effects, and the chain from each back to its event. See ``effect_store``."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from botkit.errors import StoreError
from botkit.observability.texts import show_text


class StoredEffect(Struct, frozen=True, kw_only=True):
    """A row of the table ``bot_effects``, whose columns ``effect_store`` explains."""

    run: str
    effect: str
    ms: int
    app: str
    bot: str
    account: str
    verb: str
    target: str
    channel: str
    words: str
    message_id: int
    fate: str
    code: int
    reason: str
    ended_ms: int
    handler: str
    function: str
    file: str
    line: int
    event: str
    event_type: str
    event_from: str
    event_channel: str
    event_message_id: int
    event_ms: int
    event_words: str


class EffectQuery(Struct, frozen=True, kw_only=True):
    """Which effects: those that fit all that is named.

    ``account`` did it, is who it was done to, or whose event led to it. ``text`` is the whole text of a message; it is
    found where the store keeps texts or their hashes. Of those that fit, the latest ``limit``.
    """

    effect: str = ""
    event: str = ""
    handler: str = ""
    channel: str = ""
    message: int = 0
    account: str = ""
    bot: str = ""
    text: str = ""
    limit: int = 20

    def conditions(self) -> Iterator[tuple[str, tuple[str | int, ...]]]:
        """What a row has to fulfil, in SQL, and the values for it."""
        for column in ("effect", "event", "handler", "channel", "bot"):
            value: str = getattr(self, column)
            if value:
                yield f"{column} = ?", (value,)
        if self.message:
            yield "message_id = ?", (self.message,)
        if self.account:
            yield "? IN (account, target, event_from)", (self.account,)
        if self.text:
            yield "words IN (?, ?)", (show_text(self.text, "full"), show_text(self.text, "hash"))


_COLUMNS = StoredEffect.__struct_fields__


def read_effects(path: Path, query: EffectQuery) -> list[StoredEffect]:
    """The effects in the database at ``path`` that ``query`` asks for, oldest first. Blocks; writes nothing.

    Bots may go on writing meanwhile. Raises ``StoreError`` when there is no such database, or it has no effect log.
    """
    url = f"sqlite:///{path}"
    if not path.is_file():
        raise StoreError(url, "there is no such file: bots make it when they run with this store")
    conditions = list(query.conditions())
    where = " AND ".join(condition for condition, _ in conditions) or "1"
    values = [value for _, some in conditions for value in some]
    sql = f"SELECT {', '.join(_COLUMNS)} FROM bot_effects WHERE {where} ORDER BY id DESC LIMIT ?"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute(sql, (*values, query.limit)).fetchall()
    except sqlite3.Error as error:
        problem = "has no effect log: no bots have run with it yet" if "no such table" in str(error) else str(error)
        raise StoreError(url, problem) from error
    return [StoredEffect(**dict(zip(_COLUMNS, row, strict=True))) for row in reversed(rows)]
