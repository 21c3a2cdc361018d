"""The HTTP side of a process of bots, over a real socket."""

import http.client
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, closing
from functools import partial
from urllib.parse import urlsplit

import pytest
import structlog
import trio

from botkit import Bot, BotPlacement
from botkit.errors import ConfigError
from botkit.gateway.settings import Address
from botkit.observability.logs import configure_logs
from botkit.operations import tail as tails
from botkit.operations.client import ProcessUnreachable, fetch_tree, follow_logs
from botkit.operations.serving import open_operations
from botkit.testing import World, open_world

ANYWHERE = Address("127.0.0.1", 0)


@asynccontextmanager
async def operated(canary_seconds: float | None = None) -> AsyncIterator[tuple[World, str]]:
    bot = Bot("porter")
    async with (
        open_world() as world,
        world.running(
            BotPlacement(bot=bot, account="porter", channels=("hall",)), canary_seconds=canary_seconds
        ) as app,
        open_operations(ANYWHERE, [app], world.meters) as url,
    ):
        yield world, url


def get_now(url: str, target: str) -> tuple[int, str, str]:
    where = urlsplit(url)
    with closing(http.client.HTTPConnection(where.hostname or "", where.port or 0, timeout=60)) as connection:
        connection.request("GET", target)
        with connection.getresponse() as response:
            return response.status, response.headers["content-type"], response.read().decode()


async def get(url: str, target: str) -> tuple[int, str, str]:
    return await trio.to_thread.run_sync(get_now, url, target)


@pytest.mark.row("O05")
async def test_alive_and_ready_are_two_things() -> None:
    async with operated(canary_seconds=1) as (world, url):
        assert await get(url, "/livez") == (200, "application/json", '{"status":"ok","problems":[]}\n')
        with trio.fail_after(60):
            while (answer := await get(url, "/readyz"))[0] != 200:
                assert json.loads(answer[2])["problems"] == ["canary: it has not sung yet"]
        await world.host.stop()
        with trio.fail_after(60):
            while (answer := await get(url, "/readyz"))[0] == 200:  # noqa: ASYNC110 - as a probe does it
                await trio.sleep(0.05)
        assert answer[0] == 503
        assert "bot porter: porter is connecting" in json.loads(answer[2])["problems"]
        assert (await get(url, "/livez"))[0] == 200


async def test_before_the_apps_are_there_nothing_is_ready() -> None:
    async with open_world() as world, open_operations(ANYWHERE, [], world.meters) as url:
        assert (await get(url, "/readyz"))[2] == '{"status":"not ready","problems":["starting"]}\n'


async def test_metrics_are_those_of_the_bots() -> None:
    async with operated() as (_world, url):
        status, kind, text = await get(url, "/metrics")
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert 'botkit_bots{state="running"} 1.0' in text
    assert 'botkit_bot_events_total{bot="porter"}' in text


async def test_the_tree_is_that_of_the_app() -> None:
    async with operated() as (_world, url):
        root = await trio.to_thread.run_sync(fetch_tree, url)
    text = str(root)
    assert root.kind == "process"
    assert all(word in text for word in ("porter", "hall", "logged_in"))


@pytest.fixture
def json_logs() -> Iterator[None]:
    """Logs as ``botkit run --log json`` writes them, for one test."""
    configure_logs("json", "info", stream=io.StringIO())
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers.clear()


async def test_the_log_can_be_followed_and_chosen_from(json_logs: None) -> None:
    log = structlog.get_logger()
    read: list[dict[str, object]] = []

    def follow(url: str) -> None:
        for entry in follow_logs(url, {"bot": "porter"}):
            read.append(entry)
            if entry["event"] == "the last":
                return

    async with operated() as (_world, url), trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, follow, url)
        with trio.fail_after(60):
            while not read:
                log.info("are you there", bot="porter", token="secret", what=object)
                await trio.sleep(0.05)
        log.info("of another", bot="concierge")
        await trio.to_thread.run_sync(partial(log.warning, "from a thread", bot="porter"))
        log.info("the last", bot="porter")
    assert read[0]["token"] == "[redacted]"
    assert "class 'object'" in str(read[0]["what"])
    events = [entry["event"] for entry in read if entry["event"] != "are you there"]
    assert events == ["from a thread", "the last"]
    assert read[-2]["level"] == "warning"


async def test_a_reader_that_is_too_slow_is_told_how_many_lines_it_missed() -> None:
    tail = tails.LogTail({})
    for number in range(tails.MAX_WAITING + 5):
        tail.take({"event": "line", "number": number})
    lines: list[dict[str, object]] = []
    with trio.move_on_after(60) as patience:
        async with aclosing(tail.lines()) as followed:
            async for line in followed:
                lines.append(json.loads(line))
                if lines[-1].get("number") == tails.MAX_WAITING + 4:
                    break
    assert not patience.cancelled_caught
    assert (lines[0]["count"], lines[1]["number"], len(lines)) == (5, 5, tails.MAX_WAITING + 1)


async def test_there_are_not_more_readers_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botkit.operations.http.MAX_READERS", 0)
    async with operated() as (_world, url):
        assert (await get(url, "/tail"))[0] == 503


async def test_a_port_in_use_is_told_by_its_key() -> None:
    async with operated() as (world, url):
        taken = Address("127.0.0.1", urlsplit(url).port or 0)
        with pytest.raises(ConfigError, match=r"operations\.listen.*port in use"):
            async with open_operations(taken, [], world.meters):
                raise AssertionError("unreachable")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[", "http:///"])
def test_a_process_that_is_not_there_is_told_so(url: str) -> None:
    with pytest.raises(ProcessUnreachable, match=r"does not answer|is no URL"):
        fetch_tree(url)
