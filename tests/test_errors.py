"""The error tree and the vendor's numbers."""

import pytest

from botkit import errors
from botkit._codes import CODE_TEXTS, OBSOLETE_CODES
from botkit.errors import ErrorCode

LIVE = """
    0 100 101 102 103 105 108 200 201 202 203 204 206 207 208 209 300 400 401 500 501 600 601 602 603 604
    700 701 702 703 704 1000 1001 1002 1003 1004 1005
"""
OBSOLETE = {104, 106, 107, 205, 502, 705}


@pytest.mark.row("W01")
def test_the_vendors_numbers_each_with_a_text() -> None:
    assert {int(code) for code in ErrorCode} == {int(number) for number in LIVE.split()} | OBSOLETE == set(CODE_TEXTS)
    assert {int(code) for code in ErrorCode if code.obsolete} == OBSOLETE == OBSOLETE_CODES
    assert len({code.text for code in ErrorCode}) == len(ErrorCode)


def test_every_exception_is_in_the_tree_and_the_tree_is_printed() -> None:
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert all(issubclass(value, errors.BotkitError) for value in classes)
    assert errors.__doc__ is not None
    assert [
        value.__name__ for value in classes if f" {value.__name__} " not in f" {errors.__doc__} ".replace("\n", " ")
    ] == []


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            errors.ConfigError("no such key", file="a.yaml:3", key="bots[0].bto", hint="did you mean bot?"),
            "a.yaml:3: bots[0].bto: no such key; did you mean bot?",
        ),
        (errors.ConfigError("nothing to run"), "nothing to run"),
        (errors.HandlerError("hello", "bot.py", 7, "no parameter"), "bot.py:7: handler hello(): no parameter"),
        (errors.ProtocolError("Expected `str`", field="$[1]"), "$[1]: Expected `str`"),
        (errors.SendFailed(ErrorCode.SENDMESSAGE_E_OTHER, "not a member"), "400 SENDMESSAGE_E_OTHER: not a member"),
        (errors.JoinFailed(ErrorCode.JOINCHANNEL_E_OTHER), "300 JOINCHANNEL_E_OTHER: joining the channel failed"),
        (errors.ParameterError("extra", "is not JSON"), "1004 GENERAL_E_WRONG_PARAM: extra: is not JSON"),
        (errors.TransportClosed(1000, "bye"), "connection closed with 1000: bye"),
        (errors.TransportClosed(), "connection closed with 1006"),
    ],
)
def test_texts_are_made_from_the_facts(error: errors.BotkitError, text: str) -> None:
    assert str(error) == text
