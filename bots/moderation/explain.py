"""Cases in words, for a chat and for a terminal."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from bots.moderation.cases.facts import Case, RecordedAct
from bots.moderation.cases.queries import Tally
from bots.moderation.rules.actions import format_seconds

MAX_SHOWN = 300
"""Characters of a text that somebody wrote."""


def explain_case(case: Case, definition: str = "") -> str:
    """Why something was done: rule, version, what was found where, exemptions, strikes, and every act.

    ``definition`` is what that version of the rule said, as JSON.
    """
    return "\n".join(_lines(case, definition))


def summarise_case(case: Case) -> str:
    """A case in one line."""
    draft = case.draft
    verbs = ", ".join(dict.fromkeys(one.act.verb for one in case.acts)) or "nothing done"
    failed = sum(one.outcome == "failed" for one in case.acts)
    rule = _rule(draft.rule, draft.version)
    problem = f", {failed} failed" if failed else ""
    whom = f"{draft.account or 'nobody'} in {draft.channel or 'no channel'}"
    return f"{case.id} {format_time(draft.ms)} {whom}: {rule}: {verbs}{problem} ({case.state})"


def summarise_tally(tally: Tally) -> str:
    """What a version of a rule did, in one line."""
    now = ", in force" if tally.in_force else ""
    return (
        f"{_rule(tally.rule, tally.version)}: {tally.cases} cases of {tally.accounts} accounts, {tally.undone} undone, "
        f"{format_time(tally.first_ms)} to {format_time(tally.last_ms)}{now}"
    )


def format_time(ms: int) -> str:
    """Milliseconds since 1970 as UTC."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"


def _rule(rule: str, version: str) -> str:
    return f"{rule}@{version}" if version else rule


def _lines(case: Case, definition: str) -> Iterator[str]:
    draft = case.draft
    yield f"case {case.id} ({case.state}): {draft.account or 'nobody'} in {draft.channel or 'no channel'}"
    yield f"when: {format_time(draft.ms)}, by {draft.by}{'' if draft.lane == 'live' else f', lane {draft.lane}'}"
    yield f"rule: {_rule(draft.rule, draft.version)} ({draft.kind})"
    if definition:
        yield f"rule said: {definition}"
    yield f"because: {draft.detail}"
    if draft.text:
        when = "before its delivery" if draft.held else "after its delivery"
        yield f"text: {_quoted(draft.text)}, judged {when}"
        yield f"evidence: {_quoted(draft.evidence)}, characters {draft.start} to {draft.end}"
        yield f"seen as: {_quoted(draft.matched)}"
    if draft.also:
        yield f"also found by: {', '.join(draft.also)}"
    yield from _listed("exemptions considered", draft.considered)
    yield f"strikes: {case.strikes}"
    yield from _listed("acts", [_act(one, draft.ms) for one in case.acts])


def _listed(title: str, lines: Sequence[str]) -> Iterator[str]:
    if not lines:
        yield f"{title}: none"
        return
    yield f"{title}:"
    yield from (f"  {line}" for line in lines)


def _act(one: RecordedAct, ms: int) -> str:
    act = one.act
    words = [act.verb, str(act.rate) if act.rate else "", act.account, f"in {act.channel}" if act.channel else ""]
    words.append(f"for {format_seconds(round((act.until_ms - ms) / 1000))}" if act.until_ms else "")
    undone = "" if one.counts else ", does not count any more"
    problem = f" ({one.problem})" if one.problem else ""
    return f"{one.seq}. {' '.join(word for word in words if word)}: {one.outcome}{problem}{undone}"


def _quoted(text: str) -> str:
    shown = text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
    return ascii(shown) if not shown.isprintable() else f"{shown!r}"
