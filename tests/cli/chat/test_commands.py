"""What can be typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.cli.chat import commands as c


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("hello there", c.Say("hello there")),
        ("  indented", c.Say("  indented")),
        ("//quit is text", c.Say("/quit is text")),
        ("", c.Nothing()),
        ("   ", c.Nothing()),
        ("/msg ann  hi  there ", c.Message("ann", "hi  there ")),
        ("/join the lobby", c.Join("the lobby")),
        ("/call ann room", c.StartCall("ann", "room")),
        ('/call ann room {"a": 1}', c.StartCall("ann", "room", '{"a": 1}')),
        ("/accept", c.Accept()),
        ('/accept {"yes": 1}', c.Accept('{"yes": 1}')),
        ("/refuse", c.Refuse()),
        ("/dtmf 12#", c.Press("12#")),
        ("/end", c.EndCall()),
        ("/who", c.Who()),
        ("/attr", c.ShowAttributes()),
        ("/attr topic", c.ShowAttribute("topic")),
        ("/unattr topic", c.RemoveAttribute("topic")),
        ("/attr topic all about  bots", c.SetAttribute("topic", "all about  bots")),
        ("/help", c.Help()),
        ("/quit", c.Quit()),
    ],
)
def test_a_line(line: str, command: c.Command) -> None:
    assert c.parse(line) == command


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("/nothing", "there is no /nothing: /help lists the commands"),
        ("/", "there is no /: /help lists the commands"),
        ("/msg ann", "write /msg ACCOUNT TEXT"),
        ("/call ann", "write /call ACCOUNT CHANNEL [JSON]"),
        ("/dtmf", "write /dtmf DIGITS"),
        ("/unattr", "write /unattr NAME"),
        ("/end now", "write /end"),
        ("/quit please", "write /quit"),
    ],
)
def test_what_is_no_command_says_how_it_is_written(line: str, complaint: str) -> None:
    with pytest.raises(c.UsageError) as caught:
        c.parse(line)
    assert str(caught.value) == complaint


@given(st.text(alphabet=st.characters()))
def test_any_line_is_a_command_or_a_usage_error(line: str) -> None:
    for typed in (line, f"/{line}", f"/msg {line}"):
        try:
            c.parse(typed)
        except c.UsageError:
            assert typed.startswith("/")


def test_help_shows_every_command() -> None:
    assert [line.split()[0] for line in c.help_lines()] == list(c.FORMS)
