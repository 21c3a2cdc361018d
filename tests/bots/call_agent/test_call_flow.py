from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from botkit import ConfigError, load_settings
from bots.call_agent.digits import Collected
from bots.call_agent.flow.flows import GREETING, Flow
from bots.call_agent.flow.texts import fill, longest
from bots.call_agent.flow.walking import Answer, Ask, Enqueue, Finish, Handoff, HandOver, SayText, walk_flow

GOOD = """\
queues:
  people: {humans: [anna]}
blocks:
  main:
    - {do: set, values: {greeting: "Hello {caller}"}}
    - {do: say, text: "{greeting}."}
    - {do: go, to: menu}
  menu:
    - do: menu
      prompt: 1 orders, 2 more, 0 person
      choices:
        1: orders
        2:
          - do: menu
            prompt: 1 hours, 12 map
            choices:
              1: [{do: say, text: Nine to five.}]
              12: [{do: end, text: It was sent., result: map}]
        0: person
      otherwise: person
    - {do: go, to: menu}
  orders:
    - {do: gather, prompt: "Your order?", into: order, min_digits: 4, max_digits: 8}
    - {do: gather, prompt: "Your PIN?", into: pin, min_digits: 4, max_digits: 4, secret: true, otherwise: person}
    - do: branch
      on: "{pin}"
      cases: {"1234": [{do: say, text: "Order {order} is on its way to {extra.city}."}]}
      otherwise: [{do: say, text: Wrong.}, {do: go, to: menu}]
    - {do: end, result: "told"}
  person:
    - {do: queue, to: people, priority: 3, otherwise: alone}
    - {do: end, text: "It was {human}, after {waited} s."}
  alone:
    - {do: transfer, to: boss, mode: announced, otherwise: [{do: say, text: "The boss is {outcome}."}]}
    - {do: end}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "flow.yaml"


def load(file: Path, text: str = GOOD) -> Flow:
    """A flow in a file."""
    file.write_text(text)
    return load_settings(file, Flow)


def play(flow: Flow, *answers: Answer | str) -> tuple[list[str], Finish | None]:
    """What is said and asked when these answers are given; a text is digits that are complete."""
    walk = walk_flow(flow, {"caller": "ann", "extra.city": "Rome"})
    told: list[str] = []
    left, answer = list(answers), None
    while True:
        try:
            action = walk.send(answer)
        except StopIteration as end:
            assert not left
            return told, end.value
        answer = None
        match action:
            case SayText(text=text):
                told.append(text)
                continue
            case Ask(spec=spec):
                told.append(f"? {spec.prompt}")
            case Enqueue() | HandOver():
                told.append(repr(action))
        if not left:
            return told, None
        given = left.pop(0)
        answer = Collected(given, "complete") if isinstance(given, str) else given


MENU = "? 1 orders, 2 more, 0 person"
QUEUED = "Enqueue(queue='people', priority=3)"
ASKED = ["? Your order?", "? Your PIN?"]
SILENCE = Collected("", "silence")


@pytest.mark.row("F06")
@pytest.mark.parametrize(
    ("answers", "told", "end"),
    [
        (["1", "4711", "1234"], [*ASKED, "Order 4711 is on its way to Rome.", "Goodbye."], "told"),
        (["2", "1"], ["? 1 hours, 12 map", "Nine to five.", MENU], None),
        (["2", "12"], ["? 1 hours, 12 map", "It was sent."], "map"),
        (["1", "4711", "9999"], [*ASKED, "Wrong.", MENU], None),
        (["0", Handoff("accepted", "anna", 7.4)], [QUEUED, "It was anna, after 7 s."], ""),
        ([SILENCE, Handoff("accepted", "anna", 1)], [QUEUED, "It was anna, after 1 s."], ""),
    ],
)  # fmt: skip
def test_ways_through_a_flow(file: Path, answers: Sequence[Answer | str], told: list[str], end: str | None) -> None:
    heard, finish = play(load(file), *answers)
    assert heard == ["Hello ann.", MENU, *told]
    assert finish == (None if end is None else Finish("completed", end))


@pytest.mark.row("F06")
def test_a_transfer_that_fails_leads_on_with_its_outcome(file: Path) -> None:
    heard, finish = play(load(file), "0", Handoff("full"), Handoff("offline", "boss"))
    assert heard[-2:] == ["The boss is offline.", "Goodbye."]
    assert finish == Finish("completed")


@pytest.mark.row("F06")
def test_without_otherwise_a_question_that_nobody_answers_ends_the_call(file: Path) -> None:
    flow = load(file)
    assert play(flow, "1", SILENCE)[1] == Finish("no_input")
    assert play(flow, "1", Collected("12", "short"))[1] == Finish("wrong_input")


@pytest.mark.row("F06")
@pytest.mark.parametrize(
    ("wrong", "instead", "line", "says"),
    [
        ("1: orders", "1: order", 12, "blocks.menu[0].choices.1: no block is called 'order'; did you mean 'orders'?"),
        ("otherwise: alone", "otherwise: aloen", 31, "no block is called 'aloen'; did you mean 'alone'?"),
        ("to: people", "to: poeple", 31, "no queue is called 'poeple'; did you mean 'people'?"),
        ("- {do: go, to: menu}\n  menu", "- {do: go, to: main}\n  menu", 4, "goes round for ever without asking"),
        ("1: orders", "1: [{do: end}]", 22, "blocks.orders: is never reached"),
        ("  alone:", "  lonely: [{do: end}]\n  alone:", 33, "blocks.lonely: is never reached"),
        ('    - {do: end, result: "told"}\n', "", 22, "blocks.orders: is a dead end"),
        ("    - {do: go, to: menu}\n  orders", "  orders", 8, "blocks.menu: is a dead end"),
        ("do: end, text: It was sent.,", "do: end, txet: It was sent.,", 18, "txet: there is no such key"),
        ("do: say, text: Wrong.", "do: yas, text: Wrong.", 28, "'yas' is none of these"),
        ('"{greeting}."', '"{greting}."', 6, "no step gives {greting} a value; did you mean 'greeting'?"),
        ('result: "told"}', 'text: "{pin}"}', 29, "{pin} is secret, and would be told here"),
        ("into: order,", "into: pin,", 23, "pin is secret elsewhere"),
        ("into: order,", "into: caller,", 23, "'caller' cannot be a variable"),
        ("min_digits: 4, max_digits: 8", "min_digits: 9, max_digits: 8", 23, "9 is more than max_digits, 8"),
        ("max_digits: 8}", "max_digits: 8, finish: x}", 23, "'x' is no key"),
        ("        0: person\n", "        x: person\n", 19, "'x' cannot be pressed"),
        ("{humans: [anna]}", "{humans: []}", 2, "queues.people.humans: is empty"),
        ("{humans: [anna]}", "{humans: [an na]}", 2, "'an na' is no account"),
        ("Nine to five.", f"Nine to five.{'x' * 8192}", 17, "8192"),
        ("{greeting}.", "{greeting}." + "{greeting}" * 4, 6, "can become 10001 bytes long"),
        ("blocks:\n", "start: begin\nblocks:\n", 3, "no block is called 'begin'"),
        ('- {do: end, text: "It', '- {do: end}\n    - {do: end, text: "It', 33, "is never reached: no way leads on"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_file_line_and_reason(
    file: Path, wrong: str, instead: str, line: int, says: str
) -> None:
    assert wrong in GOOD
    with pytest.raises(ConfigError) as caught:
        load(file, GOOD.replace(wrong, instead, 1))
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert says in str(caught.value)


@pytest.mark.row("F06")
def test_the_longest_message_is_just_allowed() -> None:
    for more, fits in ((8192, True), (8193, False)):
        text = "x" * more
        try:
            msgspec.convert({"blocks": {"main": [{"do": "end", "text": text}]}}, Flow)
        except (ConfigError, msgspec.ValidationError):
            assert not fits
        else:
            assert fits


def test_a_loop_that_asks_is_fine() -> None:
    ask = {"do": "menu", "prompt": "?", "choices": {"1": "main", "2": [{"do": "end"}]}}
    flow = msgspec.convert({"blocks": {"main": [ask]}}, Flow)
    answers = ["1", "1", "2"]
    assert play(flow, *answers) == (["? ?", "? ?", "? ?", "Goodbye."], Finish("completed"))


def test_without_anything_it_greets() -> None:
    assert play(GREETING) == (["Hello.", "Goodbye."], Finish("completed"))


def test_texts_with_variables() -> None:
    assert fill("{a} and {b}{c}", {"a": "x", "b": "{a}"}) == "x and {a}"
    assert len(fill("{a}", {"a": "ü" * 9_000}).encode()) <= longest("{a}") <= 2_000
