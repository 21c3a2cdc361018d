import sqlite3
from pathlib import Path

import pytest
import trio
import trio.testing

from botkit.errors import ConfigError, StoreError
from botkit.stores.sqlite import Database, open_database, sqlite_path

SCHEMA = ["CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)"]


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite://", None),
        ("sqlite:///var/a.db", Path("var/a.db")),
        ("sqlite:////var/a.db", Path("/var/a.db")),
        ("sqlite:///a b%20.db", Path("a b%20.db")),
    ],
)
def test_a_url_names_a_file_or_memory(url: str, path: Path | None) -> None:
    assert sqlite_path(url) == path


@pytest.mark.parametrize("url", ["", "var/a.db", "sqlite:var/a.db", "sqlite://var/a.db", "sqlite:///", "sqlite:////"])
def test_another_url_is_refused_with_the_right_form(url: str) -> None:
    with pytest.raises(ConfigError, match=r"sqlite:///relative/path\.db"):
        sqlite_path(url)


@pytest.fixture(params=["file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path}/deep/er/notes.db"


async def test_rows_written_are_fetched(url: str) -> None:
    async with open_database(url, SCHEMA) as database:
        assert await database.execute("INSERT INTO notes (text) VALUES (?)", ["größe"]) == 1
        assert await database.execute("INSERT INTO notes (text) VALUES (:text)", {"text": "b", "unused": 1}) == 1
        assert await database.fetch("SELECT id, text FROM notes ORDER BY id") == [(1, "größe"), (2, "b")]
        assert await database.execute("UPDATE notes SET text = 'c' WHERE id > 0") == 2
        assert await database.fetch("INSERT INTO notes (text) VALUES ('d') RETURNING id") == [(3,)]


async def test_a_transaction_that_fails_changes_nothing(url: str) -> None:
    async with open_database(url, SCHEMA) as database:
        with pytest.raises(StoreError, match="NOT NULL"):
            await database.write(
                [("INSERT INTO notes (text) VALUES (?)", ["kept?"]), ("INSERT INTO notes (text) VALUES (?)", [None])]
            )
        assert await database.fetch("SELECT * FROM notes") == []
        assert await database.execute("INSERT INTO notes (text) VALUES ('after')") == 1


async def test_a_statement_that_is_none_names_the_database(url: str) -> None:
    async with open_database(url, SCHEMA) as database:
        with pytest.raises(StoreError) as caught:
            await database.fetch("SELEC 1")
        assert caught.value.url == url
        assert "syntax error" in str(caught.value)


@pytest.mark.parametrize("value", [2**63, "half a pair \ud800"])
async def test_a_value_that_cannot_be_stored_is_a_store_error(url: str, value: str | int) -> None:
    async with open_database(url, SCHEMA) as database:
        with pytest.raises(StoreError):
            await database.execute("INSERT INTO notes (text) VALUES (?)", [value])
        assert await database.fetch("SELECT * FROM notes") == []


async def test_a_closed_database_answers_with_a_store_error(url: str) -> None:
    async with open_database(url, SCHEMA) as database:
        await database.aclose()
        with pytest.raises(StoreError, match="closed"):
            await database.fetch("SELECT 1")


async def test_a_schema_that_is_wrong_opens_nothing(url: str) -> None:
    with pytest.raises(StoreError, match="cannot be used"):
        async with open_database(url, ["CREATE TABEL x"]):
            pytest.fail("opened")


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(StoreError, match="not a database"):
        async with open_database(f"sqlite:///{tmp_path}/notes.db", SCHEMA):
            pytest.fail("opened")


async def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        async with open_database(f"sqlite:///{tmp_path}", SCHEMA):
            pytest.fail("opened")


async def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("")
    with pytest.raises(StoreError, match="cannot be opened"):
        async with open_database(f"sqlite:///{tmp_path}/var/notes.db", SCHEMA):
            pytest.fail("opened")


async def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/notes.db"
    async with open_database(url, SCHEMA) as database:
        await database.execute("INSERT INTO notes (text) VALUES ('kept')")
    async with open_database(url, SCHEMA) as database:
        assert await database.fetch("SELECT text FROM notes") == [("kept",)]


async def test_another_process_may_read_while_the_database_is_open(tmp_path: Path) -> None:
    async with open_database(f"sqlite:///{tmp_path}/notes.db", SCHEMA) as database:
        await database.execute("INSERT INTO notes (text) VALUES ('seen')")
        other = sqlite3.connect(tmp_path / "notes.db")
        try:
            assert other.execute("SELECT text FROM notes").fetchall() == [("seen",)]
        finally:
            other.close()


async def test_many_tasks_write_through_one_database(url: str) -> None:
    async def writer(database: Database, name: int) -> None:
        for number in range(10):
            await database.execute("INSERT INTO notes (text) VALUES (?)", [f"{name}-{number}"])

    async with open_database(url, SCHEMA) as database:
        async with trio.open_nursery() as nursery:
            for name in range(10):
                nursery.start_soon(writer, database, name)
        assert await database.fetch("SELECT count(*), count(DISTINCT text) FROM notes") == [(100, 100)]


async def test_a_write_that_is_cancelled_before_it_begins_leaves_nothing(url: str) -> None:
    async with open_database(url, SCHEMA) as database:
        with trio.CancelScope() as scope:
            scope.cancel()
            await database.execute("INSERT INTO notes (text) VALUES ('never')")
        assert scope.cancelled_caught
        assert await database.fetch("SELECT * FROM notes") == []


async def test_a_database_in_memory_takes_no_virtual_time(autojump_clock: trio.testing.MockClock) -> None:
    async with open_database("sqlite://", SCHEMA) as database:
        with trio.fail_after(0.001):
            for _ in range(50):
                await database.execute("INSERT INTO notes (text) VALUES ('x')")
    assert trio.current_time() == 0
