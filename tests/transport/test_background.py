"""The nursery for tasks that serve a body."""

import pytest
import trio

from botkit.transport.background import open_background


async def test_the_bodys_exception_comes_out_bare_with_its_own_context() -> None:
    cause = KeyError("cause")

    async def fail_in_the_body() -> None:
        async with open_background() as nursery:
            nursery.start_soon(trio.sleep_forever)
            raise ValueError("mine") from cause

    with pytest.raises(ValueError, match="mine") as caught:
        await fail_in_the_body()
    assert caught.value.__cause__ is cause
    assert caught.value.__context__ is None


async def test_a_tasks_exception_ends_the_body_and_comes_out_bare() -> None:
    async def fail() -> None:
        raise ValueError("task")

    async def fail_in_a_task() -> None:
        async with open_background() as nursery:
            nursery.start_soon(fail)
            await trio.sleep_forever()

    with pytest.raises(ValueError, match="task"):
        await fail_in_a_task()


async def test_two_exceptions_at_once_stay_a_group() -> None:
    async def fail() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("task")

    with pytest.RaisesGroup(pytest.RaisesExc(ValueError), pytest.RaisesExc(KeyError)):
        async with open_background() as nursery:
            nursery.start_soon(fail)
            await trio.testing.wait_all_tasks_blocked()
            raise KeyError("body")


async def test_the_tasks_end_with_the_body() -> None:
    ended = False

    async def serve() -> None:
        nonlocal ended
        try:
            await trio.sleep_forever()
        finally:
            ended = True

    async with open_background() as nursery:
        nursery.start_soon(serve)
        await trio.testing.wait_all_tasks_blocked()
    assert ended


async def test_a_cancel_from_outside_passes_through() -> None:
    with trio.CancelScope() as scope:
        async with open_background() as nursery:
            nursery.start_soon(trio.sleep_forever)
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught
