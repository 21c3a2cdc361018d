"""A file has one gateway: the second one is refused at its start, until the first has ended, however it ended."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from botkit.errors import StoreError
from botkit.stores import lock
from botkit.stores.gateway import AccountSeen, open_gateway_store
from botkit.types import Account, AppId, Uid

COMMITTER = Path(__file__).with_name("commit_forever.py")
IN_USE = "another gateway has it open; stop that one, or give this one a file of its own"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "WAIT_SECONDS", 0)


async def test_a_second_store_of_the_same_process_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gateway.db"
    async with open_gateway_store(url) as store:
        with pytest.raises(StoreError) as caught:
            async with open_gateway_store(url):
                pytest.fail("opened")
        assert str(caught.value) == f"{url}: {IN_USE}"
        await store.commit([AccountSeen(app=AppId("app"), account=Account("ann"), uid=Uid(1))])
        await store.aclose()
        async with open_gateway_store(url) as next_one:
            assert (await next_one.load()).accounts == {("app", "ann"): 1}
            await store.aclose()
            with pytest.raises(StoreError, match="another gateway"):
                async with open_gateway_store(url):
                    pytest.fail("opened")


async def test_another_name_of_the_file_is_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path / "real")
    async with open_gateway_store("sqlite:///gateway.db"):
        with pytest.raises(StoreError, match="another gateway"):
            async with open_gateway_store(f"sqlite:///{tmp_path}/link/gateway.db"):
                pytest.fail("opened")
        async with open_gateway_store("sqlite:///other.db"), open_gateway_store("sqlite://"):
            pass


async def test_what_is_in_the_place_of_the_lock_is_told(tmp_path: Path) -> None:
    (tmp_path / "gateway.db-lock").write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(StoreError, match="cannot be locked: file is not a database"):
        async with open_gateway_store(f"sqlite:///{tmp_path}/gateway.db"):
            pytest.fail("opened")
    (tmp_path / "folder-lock").mkdir()
    with pytest.raises(StoreError, match="cannot be opened"):
        async with open_gateway_store(f"sqlite:///{tmp_path}/folder"):
            pytest.fail("opened")


@contextmanager
def committing(url: str, first: int) -> Iterator[None]:
    """Another process has the store open, and commits; it is killed in the end."""
    with subprocess.Popen([sys.executable, COMMITTER, url, str(first)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield
        process.kill()


@pytest.mark.slow
async def test_the_lock_ends_with_its_process_however_it_ends(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gateway.db"
    first = 1
    for _ in range(3):
        with committing(url, first), pytest.raises(StoreError, match="another gateway"):
            async with open_gateway_store(url):
                pytest.fail("opened")
        async with open_gateway_store(url) as store:
            first = (await store.load()).inboxes[AppId("app"), Account("ann")].last + 1
