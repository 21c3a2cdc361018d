import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.call_agent.menu import MenuWalk, Step
from bots.call_agent.settings import Choice, Menu

BILLING = Menu(prompt="1 invoice, 9 end", choices={1: Choice(say="It is on its way."), 9: Choice(end=True)}, retries=0)
THANKS = Choice(say="Thanks.", end=True)
MENU = Menu(
    prompt="1 hours, 2 billing, # end",
    choices={
        1: Choice(say="Nine to five."),
        "2": Choice(say="Billing.", menu=BILLING),
        "#": THANKS,
    },
    timeout_seconds=7,
    retries=1,
    on_invalid="No such choice.",
    on_timeout="Hello?",
)


def walk(digits: str) -> list[Step]:
    """The steps for a caller who presses ``digits``; a blank is silence."""
    way = MenuWalk(MENU)
    return [
        way.begin(),
        *(way.silence() if digit == " " else way.press(digit) for digit in digits),
    ]


def test_it_begins_with_the_prompt() -> None:
    assert walk("") == [Step(("1 hours, 2 billing, # end",), wait=7)]


def test_what_is_said_is_followed_by_the_same_menu() -> None:
    assert walk("1")[-1] == Step(("Nine to five.", MENU.prompt), wait=7)


def test_a_submenu_goes_by_its_own_rules() -> None:
    assert walk("2")[-1] == Step(("Billing.", BILLING.prompt), wait=10)
    assert walk("21")[-1] == Step(("It is on its way.", BILLING.prompt), wait=10)
    assert walk("29")[-1] == Step((), outcome="completed")
    assert walk("2#")[-1] == Step((BILLING.on_invalid,), outcome="wrong_input")


def test_an_ending_choice_says_its_text_first() -> None:
    assert walk("#")[-1] == Step(("Thanks.",), outcome="completed")


def test_a_wrong_digit_is_told_and_asked_again_until_the_retries_are_used_up() -> None:
    assert walk("5")[-1] == Step(("No such choice.", MENU.prompt), wait=7)
    assert walk("55")[-1] == Step(("No such choice.",), outcome="wrong_input")


def test_silence_counts_against_the_same_retries() -> None:
    assert walk(" ")[-1] == Step(("Hello?", MENU.prompt), wait=7)
    assert walk("5 ")[-1] == Step(("Hello?",), outcome="no_input")


def test_a_good_digit_gives_the_retries_back() -> None:
    assert walk("5151")[-1] == Step(("Nine to five.", MENU.prompt), wait=7)
    assert walk("51 ")[-1].outcome is None


@pytest.mark.row("F04")
@given(st.text("0123456789*# ", max_size=40))
def test_every_step_waits_or_ends(digits: str) -> None:
    way = MenuWalk(MENU)
    step = way.begin()
    for digit in digits:
        assert (step.wait > 0) == (step.outcome is None)
        if step.outcome is not None:
            return
        step = way.silence() if digit == " " else way.press(digit)
