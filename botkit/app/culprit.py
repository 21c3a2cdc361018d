"""Who blocks the loop: read from the stack of its thread, while it does. Costs the healthy path nothing."""

import contextlib
import os
import sysconfig
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import trio
from msgspec import Struct

from botkit.app.bot_actor import BotActor
from botkit.app.context import BotInfo, Context
from botkit.app.holdings import Holding

MAX_STACK_FRAMES = 30

_BOTKIT = f"{Path(__file__).parents[1]}{os.sep}"  # with a separator: a botkit_lobby beside it is somebody else's
_TRIO = f"{Path(trio.__file__).parent}{os.sep}"
_STANDARD = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib")})
_INSTALLED = tuple({sysconfig.get_path(name) for name in ("purelib", "platlib")})
_LOOP = str(Path(trio.__file__).parent / "_core" / "_run.py")
_WAITING = str(Path(trio.__file__).parent / "_core" / "_io_")


class Culprit(Struct, frozen=True, kw_only=True):
    """What the loop's thread was at.

    ``handler`` is the bot's function that botkit called, with the ``file`` and ``line`` where it is written; empty when
    what blocks is no bot's. ``blocked_at`` is the line that is being executed, as ``file:line``: the innermost one that
    is neither Python's own nor botkit's. ``stack`` begins at the handler.
    """

    bot: str = ""
    account: str = ""
    event_type: str = ""
    handler: str = ""
    file: str = ""
    line: int = 0
    blocked_at: str = ""
    stack: str = ""


def is_idle(innermost: FrameType) -> bool:
    """Whether the stack that ends with this frame is that of a loop that waits for something to do."""
    return innermost.f_code.co_filename.startswith(_WAITING)


def task_frame(innermost: FrameType) -> FrameType:
    """The outermost frame of the task that runs: the same object as long as it is the same step of the same task."""
    return _frames_of_task(innermost)[0]


def find_culprit(innermost: FrameType) -> Culprit:
    """Read the stack that ends with this frame, of another thread: it may have gone on meanwhile."""
    frames = _frames_of_task(innermost)
    bot, event_type = _find_bot(frames)
    entry = _find_entry(frames, of_a_bot=bot is not None)
    where = _blocked_frame(frames[entry or 0 :])
    return Culprit(
        bot=bot.name if bot is not None else "",
        account=bot.account if bot is not None else "",
        event_type=event_type,
        handler="" if entry is None else frames[entry].f_code.co_qualname,
        file="" if entry is None else frames[entry].f_code.co_filename,
        line=0 if entry is None else frames[entry].f_code.co_firstlineno,
        blocked_at=f"{where.f_code.co_filename}:{where.f_lineno}",
        stack=_format(frames[entry or 0 :]),
    )


def _frames_of_task(innermost: FrameType) -> list[FrameType]:
    """The frames of the task that runs, the outermost first; without those of trio's loop."""
    frames: list[FrameType] = []
    frame: FrameType | None = innermost
    while frame is not None and frame.f_code.co_filename != _LOOP:
        frames.append(frame)
        frame = frame.f_back
    return frames[::-1] or [innermost]


def _find_bot(frames: Sequence[FrameType]) -> tuple[BotInfo | None, str]:
    """Whose task it is, and the type of the event that it handles: known from what the frames hold."""
    bot: BotInfo | None = None
    for frame in reversed(frames):
        for value in list(frame.f_locals.values()):
            # By type, not by isinstance: that would ask objects of a bot's own making.
            if issubclass(type(value), Context):
                return value.bot, "beat" if value.event is None else type(value.event).__name__
            if bot is None and issubclass(type(value), BotActor):
                bot = value.plan.info
            if bot is None and issubclass(type(value), Holding):
                bot = value.bot
    return bot, ""


def _find_entry(frames: Sequence[FrameType], *, of_a_bot: bool) -> int | None:
    """Where botkit called a bot's function: the innermost, for there may be middlewares around it."""
    own, installed = list[int](), list[int]()
    called_by_us = True
    for index, frame in enumerate(frames):
        if _is_neutral(frame):
            continue
        if called_by_us and not _is_ours(frame) and not _is_standard(frame):
            (installed if _is_installed(frame) else own).append(index)
        called_by_us = _is_ours(frame)
    if own:
        return own[-1]
    # A bot may be installed, too; but so are the libraries that botkit calls on its behalf, deeper down.
    return installed[0] if installed and of_a_bot else None


def _blocked_frame(frames: Sequence[FrameType]) -> FrameType:
    """The innermost frame of a bot's own code, or of a library's where there is none."""
    own = [frame for frame in frames if not _is_ours(frame) and not _is_standard(frame) and not _is_installed(frame)]
    return (own or frames)[-1]


def _is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith((_BOTKIT, _TRIO))


def _is_neutral(frame: FrameType) -> bool:
    """What stands between a context manager and whoever enters it, and says nothing about either."""
    return frame.f_code.co_filename == contextlib.__file__


def _is_installed(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_INSTALLED)


def _is_standard(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    return file.startswith("<frozen") or (file.startswith(_STANDARD) and not _is_installed(frame))


def _format(frames: Sequence[FrameType]) -> str:
    """The frames as Python shows them in a traceback, the innermost ones if there are too many."""
    summary = traceback.StackSummary.extract((frame, frame.f_lineno) for frame in frames[-MAX_STACK_FRAMES:])
    return "".join(summary.format()).rstrip()
