"""Whether an app really receives: what ``/readyz`` is made from."""

from collections.abc import Mapping, Sequence

from botkit.app.canary import Canary
from botkit.app.report import BotStatus, SessionStatus
from botkit.wire.states import LoginStatus

_LOGGED_IN = LoginStatus.LOGGED_IN.name.lower()
MAX_SESSIONS_NAMED = 5


def not_ready(bots: Sequence[BotStatus], feeds: Mapping[str, str], canary: Canary | None) -> list[str]:
    """What keeps bots from receiving, one line for each; empty when nothing does.

    Each bot and each feed (by name, with its state) must run, each session of a bot be logged in and in its channel,
    and, where there is a canary, everybody must have heard it of late.
    """
    problems = [f"feed {name}: {state}" for name, state in feeds.items() if state != "running"]
    for bot in bots:
        title = f"bot {bot.name}" if bot.name == bot.account else f"bot {bot.name} ({bot.account})"
        if bot.state != "running":
            problems.append(f"{title}: {bot.state}")
            continue
        deaf = [session for session in bot.sessions if _problem(session)]
        problems += [f"{title}: {session.account} {_problem(session)}" for session in deaf[:MAX_SESSIONS_NAMED]]
        if len(deaf) > MAX_SESSIONS_NAMED:
            problems.append(f"{title}: {len(deaf) - MAX_SESSIONS_NAMED} more of its {len(bot.sessions)} sessions")
    if canary is not None and not problems:
        problems += canary.deaf()
    return problems


def _problem(session: SessionStatus) -> str:
    if not session.expected:
        return ""
    if session.status != _LOGGED_IN:
        return f"is {session.status.replace('_', ' ')}"
    return "" if session.in_channel else f"is not in {session.channel}"
