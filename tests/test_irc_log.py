"""The log's lines, one by one; what is no line is said to be none."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.irc_log import Joined, Left, Line, ModeChanged, Quit, Renamed, Said, Unknown, read_log


def read(*lines: str) -> list[Line]:
    return list(read_log(io.BytesIO("\n".join(lines).encode())))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("[09:03] <ann> hello", Said(number=1, minute=0, nick="ann", text="hello")),
        ("[09:03] <ann> <bob> hi  there ", Said(number=1, minute=0, nick="ann", text="<bob> hi  there ")),
        ("[09:03] <ann> ", Said(number=1, minute=0, nick="ann", text="")),
        ("[09:03]  * ann waves", Said(number=1, minute=0, nick="ann", text="waves", action=True)),
        ("=== ann waves  twice", Said(number=1, minute=0, nick="ann", text="waves  twice", action=True)),
        ("=== ann [n=ann@host.example]  has joined #den", Joined(number=1, minute=0, nick="ann")),
        ("=== [a] b [~x@host]  has joined #den", Joined(number=1, minute=0, nick="[a]b")),
        ("=== [ab]  [n=x@host]  has joined #den", Joined(number=1, minute=0, nick="[ab]")),
        ('=== ann [n=ann@host]  has left #den ["see you"] ', Left(number=1, minute=0, nick="ann")),
        ("=== ann [n=ann@host]  has quit [Read error: 110] ", Quit(number=1, minute=0, nick="ann")),
        ("=== ann is now known as ann|away", Renamed(number=1, minute=0, nick="ann", new_nick="ann|away")),
        ("=== x]  is now known as y] ", Renamed(number=1, minute=0, nick="x]", new_nick="y]")),
        ("=== mode/#den [+o ann]  by bob", ModeChanged(number=1, minute=0)),
        ("09:03 <ann> hello", Unknown(number=1, minute=0, text="09:03 <ann> hello")),
        ("[09:03] hello", Unknown(number=1, minute=0, text="[09:03] hello")),
        ("[09:03] <> hello", Unknown(number=1, minute=0, text="[09:03] <> hello")),
        ("=== #den: no such nick", Unknown(number=1, minute=0, text="=== #den: no such nick")),
        ("===", Unknown(number=1, minute=0, text="===")),
        ("", Unknown(number=1, minute=0, text="")),
    ],
)
def test_a_line(line: str, expected: Line) -> None:
    assert read(line, "[09:03] <x> y")[0] == expected


def test_an_empty_log_has_no_lines_and_a_last_newline_starts_none() -> None:
    assert read("") == []
    assert len(read("[09:03] <ann> a", "")) == 1
    assert len(read("[09:03] <ann> a", "", "")) == 2


def test_windows_line_ends_and_old_encodings() -> None:
    lines = list(read_log(["[09:03] <ann> grüß\r\n".encode(), "[09:03] <bob> grüß\r\n".encode("latin-1")]))
    assert [line.text for line in lines if isinstance(line, Said)] == ["grüß", "grüß"]


def test_other_separators_are_text() -> None:
    (line,) = read("[09:03] <ann> a\x0bb\x85c\u2028d")
    assert isinstance(line, Said)
    assert line.text == "a\x0bb\x85c\u2028d"


@pytest.mark.parametrize(
    ("times", "minutes"),
    [
        (["09:00", "09:00", "09:05"], [0, 0, 5]),
        (["23:58", "00:03"], [0, 5]),
        (["12:59", "01:00"], [0, 1]),
        (["09:05", "09:04", "09:06"], [0, 0, 2]),
    ],
)
def test_the_clock_goes_past_noon_and_midnight_and_never_back(times: list[str], minutes: list[int]) -> None:
    assert [line.minute for line in read(*(f"[{time}] <ann> x" for time in times))] == minutes


def test_lines_without_a_time_happen_at_the_last_one() -> None:
    assert [line.minute for line in read("=== ann waves", "[09:00] <ann> a", "[09:07] <ann> b", "=== ann waves")] == [
        0,
        0,
        7,
        7,
    ]


@given(st.binary() | st.text().map(str.encode))
def test_every_line_of_anything_is_counted(data: bytes) -> None:
    lines = list(read_log(io.BytesIO(data)))
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    assert len(lines) == (data.count(b"\n") + (not data.endswith(b"\n")) if data else 0)
