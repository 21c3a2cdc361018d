"""What a backtest prints."""

from collections.abc import Iterator, Sequence

from msgspec import to_builtins
from rich.table import Table

from bots.moderation.backtest.compare import Change, Difference, Hit, Tally

MAX_SHOWN = 60
"""Characters of a text that are shown."""

CHANGES: tuple[Change, ...] = ("new", "lost", "changed")


def report_lines(tally: Tally, seconds: float) -> Iterator[str]:
    """The sums in words."""
    yield f"{tally.messages:,} messages of {len(tally.accounts):,} accounts, {tally.facts:,} facts in {seconds:.1f} s"
    for change, words in (("new", "new hits"), ("lost", "lost hits"), ("changed", "changed verdicts")):
        count, accounts = tally.changes[change], len(tally.affected[change])  # type: ignore[index]
        yield f"{words}: {count:,}, of {accounts:,} accounts"
    affected = len(tally.affected_accounts)
    share = affected / len(tally.accounts) if tally.accounts else 0
    yield f"affected accounts: {affected:,} of {len(tally.accounts):,} ({share:.3%})"
    for rule, count in sorted(tally.failures.items()):
        yield f"FAILED: rule {rule} raised at {count:,} facts"


def rule_table(tally: Tally) -> Table:
    """Each rule's hits before and after."""
    table = Table("rule", "old", "new", "gained", "lost")
    for column in table.columns[1:]:
        column.justify = "right"
    for rule in sorted({*tally.old_hits, *tally.new_hits}):
        counts = (tally.old_hits[rule], tally.new_hits[rule], tally.gained[rule], tally.lost[rule])
        table.add_row(rule, *(f"{count:,}" for count in counts))
    return table


def difference_table(differences: Sequence[Difference]) -> Table:
    """Differences, one in a row."""
    table = Table("#", "change", "channel", "account", "text", "old", "new")
    for one in differences:
        text = one.text if len(one.text) <= MAX_SHOWN else one.text[: MAX_SHOWN - 1] + "…"
        old, new = ("\n".join(map(_hit, hits)) for hits in (one.old, one.new))
        table.add_row(str(one.number), one.change, *map(_literal, (one.channel, one.account, text, old, new)))
    return table


def as_json(tally: Tally, differences: Sequence[Difference], missing: Sequence[str]) -> dict[str, object]:
    """The same for programs."""
    rules = sorted({*tally.old_hits, *tally.new_hits})
    return {
        "facts": tally.facts,
        "messages": tally.messages,
        "accounts": len(tally.accounts),
        "changes": {change: tally.changes[change] for change in CHANGES},
        "affected_accounts": {change: sorted(tally.affected[change]) for change in CHANGES},
        "rules": {
            rule: {
                "old": tally.old_hits[rule],
                "new": tally.new_hits[rule],
                "gained": tally.gained[rule],
                "lost": tally.lost[rule],
            }
            for rule in rules
        },
        "failures": dict(tally.failures),
        "missing_scorers": list(missing),
        "differences": to_builtins(list(differences)),
    }


def _hit(hit: Hit) -> str:
    shadow = " (shadow)" if hit.mode == "shadow" else ""
    return f"{hit.rule}: {', '.join(hit.actions)}{shadow}"


def _literal(text: str) -> str:
    """A text whose brackets are no markup."""
    return text.replace("[", r"\[")
