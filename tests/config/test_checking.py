from typing import Annotated, Literal, NewType

import pytest
from msgspec import Meta, Struct

from botkit.config.checking import convert
from botkit.config.document import Document
from botkit.errors import ConfigError

Name = NewType("Name", str)


class Word(Struct, frozen=True, tag_field="kind", tag="word", kw_only=True):
    text: str


class Flood(Struct, frozen=True, tag_field="kind", tag="flood", kw_only=True):
    most: Annotated[int, Meta(ge=1, le=60)]
    seconds: float = 10.0


class Item(Struct, frozen=True, kw_only=True):
    say: str
    items: "dict[str, Item]" = {}


class Settings(Struct, frozen=True, kw_only=True):
    name: Annotated[Name, Meta(description="what the bot is called", min_length=1)]
    rules: tuple[Word | Flood, ...] = ()
    menu: dict[str, Item] = {}
    digits: dict[int, str] = {}
    pair: tuple[int, str] = (0, "")
    level: Literal["low", "high"] = "low"
    note: str | None = None
    on: bool = True

    def __post_init__(self) -> None:
        if self.name == "forbidden":
            raise ValueError("the name is forbidden")
        if self.name == "odd":
            raise ConfigError("is odd", key="name", hint="take an even one")


def settings(text: str) -> Settings:
    document = Document(text, name="bot.yaml", environ={})
    return convert(document, (), document.value, Settings)


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        settings(text)
    return str(caught.value)


def test_values_become_the_struct() -> None:
    text = """
    name: moderation
    rules: [{kind: word, text: spam}, {kind: flood, most: 60, seconds: 5}]
    menu: {"1": {say: one, items: {"2": {say: two}}}}
    digits: {7: seven}
    pair: [1, a]
    level: high
    note: null
    on: false
    """
    assert settings(text) == Settings(
        name=Name("moderation"),
        rules=(Word(text="spam"), Flood(most=60, seconds=5.0)),
        menu={"1": Item(say="one", items={"2": Item(say="two")})},
        digits={7: "seven"},
        pair=(1, "a"),
        level="high",
        on=False,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\nlevle: low", "bot.yaml:2: levle: there is no such key; did you mean 'level'?"),
        (
            "name: a\nmenu:\n  '1':\n    say: x\n    zzz: y",
            "bot.yaml:5: menu.1.zzz: there is no such key; known here: items, say",
        ),
        (
            "name: a\nmenu: {'1': {say: x, items: {'2': {sya: y}}}}",
            "bot.yaml:2: menu.1.items.2.sya: there is no such key; did you mean 'say'?",
        ),
        (
            "name: a\nrules:\n - {kind: word, txt: b}",
            "bot.yaml:3: rules[0].txt: there is no such key; did you mean 'text'?",
        ),
        ("level: low", "bot.yaml: name: is missing; it is what the bot is called"),
        ("name: a\nrules:\n - kind: flood", "bot.yaml:3: rules[0].most: is missing; it is a whole number"),
    ],
)
def test_keys_are_those_of_the_struct(text: str, message: str) -> None:
    assert refusal(text) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: 7", "bot.yaml:1: name: expected a text, got a whole number; put it in quotes"),
        ("name:\n", "bot.yaml:1: name: expected a text, got nothing; give it a value, or leave the key out"),
        ("name: ''", "bot.yaml:1: name: expected a text with 1 character or more, got none"),
        ("name: a\n'on': 1", "bot.yaml:2: on: expected true or false, got a whole number"),
        ("name: a\nnote: 1", "bot.yaml:2: note: expected a text or nothing, got a whole number; put it in quotes"),
        ("name: a\nmenu: []", "bot.yaml:2: menu: expected a mapping (key: value), got a list"),
        ("name: a\nmenu:\n  '1':\n    say: []", "bot.yaml:4: menu.1.say: expected a text, got a list"),
        ("name: a\nrules: {}", "bot.yaml:2: rules: expected a list, got a mapping (key: value)"),
        (
            "name: a\nrules: [{kind: flood, most: 61}]",
            "bot.yaml:2: rules[0].most: expected a whole number of at most 60, got 61",
        ),
        (
            "name: a\nrules: [{kind: flood, most: 1.5}]",
            "bot.yaml:2: rules[0].most: expected a whole number, got a number",
        ),
        (
            "name: a\nrules: [{kind: wrod, text: a}]",
            "bot.yaml:2: rules[0].kind: 'wrod' is none of these; did you mean 'word'?",
        ),
        ("name: a\nrules: [{text: a}]", "bot.yaml:2: rules[0].kind: is missing; it is one of word, flood"),
        ("name: a\npair: [1]", "bot.yaml:2: pair: expected a list of length 2, got 1"),
        ("name: a\npair: [1, 2]", "bot.yaml:2: pair[1]: expected a text, got a whole number; put it in quotes"),
        ("name: a\ndigits: {x: seven}", "bot.yaml:2: digits: expected a whole number, got a text"),
        ("name: a\nlevel: hihg", "bot.yaml:2: level: 'hihg' is none of these; did you mean 'high'?"),
        ("name: a\nlevel: 1", "bot.yaml:2: level: 1 is none of these; known here: high, low"),
        ("name: forbidden", "bot.yaml: the name is forbidden"),
        ("name: odd", "bot.yaml:1: name: is odd; take an even one"),
    ],
)
def test_values_are_those_of_the_types(text: str, message: str) -> None:
    assert refusal(text) == message
