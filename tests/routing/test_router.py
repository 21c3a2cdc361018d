"""The router: who gets an event, in which order, and what it looks at."""

import pytest

from botkit.events import (
    CallEvent,
    CallInvited,
    ChannelMessage,
    DigitsPressed,
    Event,
    InstantMessage,
)
from botkit.routing import filters as f
from botkit.routing.router import Router
from botkit.types import Account, ChannelName, Uid

MESSAGE = ChannelMessage(
    channel=ChannelName("lobby"), account=Account("ann"), uid=Uid(1), text="hi", ms=0, message_id=1
)
PRESSED = DigitsPressed(call=1, channel=ChannelName("c"), peer=Account("bob"), digits="1")


def raising(_target: str, _event: Event, error: Exception) -> None:
    raise error


@pytest.mark.row("B01")
def test_an_event_finds_the_targets_of_its_type_in_order() -> None:
    router = Router[str](raising)
    router.add(ChannelMessage, "a")
    router.add(InstantMessage, "b")
    router.add(Event, "c")
    router.add(ChannelMessage, "d")
    assert list(router.match(MESSAGE)) == ["a", "c", "d"]
    assert list(router.match(PRESSED)) == ["c"]
    assert len(router) == 4


def test_a_base_class_takes_what_derives_from_it() -> None:
    router = Router[str](raising)
    router.add(CallEvent, "call")
    assert list(router.match(PRESSED)) == ["call"]
    assert list(router.match(MESSAGE)) == []


def test_filters_decide() -> None:
    router = Router[str](raising)
    router.add(ChannelMessage, "hi", f.text.is_("hi"))
    router.add(ChannelMessage, "ho", f.text.is_("ho"))
    assert list(router.match(MESSAGE)) == ["hi"]


def test_a_target_that_comes_later_is_found() -> None:
    router = Router[str](raising)
    assert list(router.match(MESSAGE)) == []
    router.add(ChannelMessage, "late")
    assert list(router.match(MESSAGE)) == ["late"]


def test_only_filters_of_the_type_are_asked() -> None:
    asked: list[str] = []

    def ask(event: Event) -> bool:
        asked.append(type(event).__name__)
        return True

    router = Router[str](raising)
    router.add(ChannelMessage, "a", f.where(Event, ask))
    for _ in range(100):
        router.add(InstantMessage, "b", f.where(Event, ask))
    router.match(MESSAGE)
    assert asked == ["ChannelMessage"]


@pytest.mark.row("B14")
def test_a_filter_that_raises_costs_its_own_target_that_event() -> None:
    errors: list[tuple[str, Event, Exception]] = []

    def broken(_event: Event) -> bool:
        raise KeyError("x")

    router = Router[str](lambda target, event, error: errors.append((target, event, error)))
    router.add(ChannelMessage, "a", f.where(Event, broken))
    router.add(ChannelMessage, "b")
    assert list(router.match(MESSAGE)) == ["b"]
    ((target, event, error),) = errors
    assert (target, event, repr(error)) == ("a", MESSAGE, "KeyError('x')")


def test_a_misfit_is_refused_and_not_registered() -> None:
    router = Router[str](raising)
    with pytest.raises(ValueError, match="text"):
        router.add(CallInvited, "a", f.text.is_("x"))
    assert len(router) == 0
