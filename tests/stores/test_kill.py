"""What was committed survives kill -9, and what was not is not there by half."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from botkit.stores.gateway import Snapshot, open_gateway_store
from botkit.types import Account, AppId, ChannelName

COMMITTER = Path(__file__).with_name("commit_forever.py")


def commit_until_killed(url: str, first: int, commits: int) -> int:
    """The last number whose commit returned, of a process killed at a random moment after ``commits``."""
    with subprocess.Popen([sys.executable, COMMITTER, url, str(first)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(commits):
            assert process.stdout.readline()
        process.kill()
        told = process.stdout.read().split("\n")[:-1]  # the last piece is a line that was cut off
    return int(told[-1]) if told else first + commits - 1


async def load(url: str) -> Snapshot:
    async with open_gateway_store(url) as store:
        return await store.load()


@pytest.mark.slow
async def test_no_commit_that_returned_is_lost_and_none_is_halved(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gateway.db"
    first = 1
    for _ in range(6):
        told = commit_until_killed(url, first, random.randint(1, 40))
        snapshot = await load(url)
        (number,) = {int(value) for value in snapshot.channel_attributes[AppId("app"), ChannelName("lobby")].values()}
        inbox = snapshot.inboxes[AppId("app"), Account("ann")]
        assert number >= told
        assert inbox.last == number
        assert [message[0] for message in inbox.messages] == list(range(1, number + 1))
        first = number + 1
