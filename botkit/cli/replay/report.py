"""The table at the end of a replay."""

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from botkit.cli.replay.plan import Plan
from botkit.cli.replay.tally import Move, Tally
from botkit.observability.visible import visible
from botkit.types import Account

KINDS = {
    "Said": "messages",
    "Joined": "joins",
    "Left": "leaves",
    "Quit": "quits",
    "Renamed": "renames",
    "ModeChanged": "mode changes, which have no counterpart",
    "Unknown": "not understood",
}
SHOWN_UNKNOWN = 20
SHOWN_MAPPED = 20
SHOWN_CHARACTERS = 200
"""Of each of them: a line of a log can have any length."""


def report(plan: Plan, tally: Tally, mapped: dict[str, Account], seconds: float) -> Table:
    """Everything that was counted; what is wrong is red."""
    table = Table(title="replay", show_header=False)
    for label, value in _rows(plan, tally, mapped, seconds):
        table.add_row(label, Text(value) if isinstance(value, str) else value)
    return table


def _rows(plan: Plan, tally: Tally, mapped: dict[str, Account], seconds: float) -> list[tuple[str, str | Text]]:
    kinds = ", ".join(f"{plan.kinds[kind]} {name}" for kind, name in KINDS.items() if kind in plan.kinds)
    return [
        *([("stopped", Text(tally.stopped, "red"))] if tally.stopped else []),
        ("lines read", f"{plan.lines} ({kinds})"),
        ("lines not understood", _shown([f"{line.number}: {line.text}" for line in plan.unknown], SHOWN_UNKNOWN)),
        ("nicks mapped", _shown([f"{nick!r} as {account}" for nick, account in mapped.items()], SHOWN_MAPPED)),
        ("sessions", str(tally.sessions)),
        ("messages sent", _sent(plan, tally)),
        ("refused", _refused(tally)),
        ("unanswered", str(tally.unanswered)),
        ("delivered to the observer", str(tally.messages.arrived)),
        ("joins seen on the event channel", _seen(tally, Move.JOIN)),
        ("leaves seen on the event channel", _seen(tally, Move.LEAVE)),
        *_comparison(tally),
        ("gaps announced", _verdict(len(tally.events_lost), "; ".join(tally.events_lost))),
        ("seconds", f"{seconds:.1f}"),
    ]


def _shown(texts: list[str], most: int) -> str:
    more = [f"… and {len(texts) - most} more"] if len(texts) > most else []
    shown = [visible(text, SHOWN_CHARACTERS) for text in texts[:most]]
    return "\n".join([str(len(texts)), *shown, *more])


def _refused(tally: Tally) -> str:
    codes = ", ".join(f"{count} with {int(code)}" for code, count in sorted(tally.refused.items()))
    return f"{tally.refused.total()}" + (f" ({codes})" if codes else "")


def _seen(tally: Tally, move: Move) -> str:
    return f"{tally.moves.arrived_of(move.value)} of {tally.moves.sent_of(move.value)}"


def _sent(plan: Plan, tally: Tally) -> str:
    return f"{tally.attempted} of {plan.messages}" if tally.stopped else str(tally.attempted)


def _comparison(tally: Tally) -> Iterator[tuple[str, Text]]:
    if tally.stopped:
        yield "lost", Text("not known: what was under way at the stop was not waited for")
        return
    messages, moves = tally.messages.compared(), tally.moves.compared()
    lost = _verdict(messages.lost + moves.lost, f"{messages.lost} messages, {moves.lost} joins and leaves")
    disordered, extra = messages.disordered + moves.disordered, messages.extra + moves.extra
    yield "lost", lost
    yield (
        "out of order, or never sent",
        _verdict(disordered + extra, f"{disordered} out of order, {extra} never sent"),
    )


def _verdict(count: int, detail: str) -> Text:
    return Text.assemble((str(count), "red"), f" ({detail})") if count else Text("0", "green")
