import pytest

from bots.moderation.notices import FIELDS, MAX_TEMPLATE_LENGTH, check_template, fill


def test_fields_are_filled_in_and_numbers_are_short() -> None:
    values: dict[str, str | float] = {"account": "ann", "strikes": 2, "minutes": 10.0}
    assert fill("{account}: strike {strikes}, {minutes} min {{sic}}", values) == "ann: strike 2, 10 min {sic}"


def test_braces_in_what_a_person_wrote_stay_what_they_are() -> None:
    assert fill("you wrote: {evidence}", {"evidence": "{account.__class__}"}) == "you wrote: {account.__class__}"


def test_the_longest_text_with_the_longest_values_fits_into_a_message() -> None:
    template = "{rule}" * (MAX_TEMPLATE_LENGTH // len("{rule}"))
    check_template("warning", template)
    assert fill("{rule}", {"rule": "x" * 201}) == "x" * 199 + "…"
    assert len(fill(template, {"rule": "\U0001f600" * 8192}).encode()) <= 8192


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_may_be_used(field: str) -> None:
    check_template("warning", f"text with {{{field}}}")


@pytest.mark.parametrize(
    "template", ["", "x" * 501, "{", "}", "{nobody}", "{account.name}", "{account!r}", "{strikes:>9}", "{0}"]
)
def test_what_could_not_be_filled_in_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="`warning`"):
        check_template("warning", template)
