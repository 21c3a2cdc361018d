import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.config.document import MAX_DEPTH, Document, read_path, show_path
from botkit.config.environment import MAX_FILE_BYTES, SubstitutionError, substitute
from botkit.errors import ConfigError


def read(text: str, **environ: str) -> Document:
    return Document(text, name="bot.yaml", environ=environ)


def refusal(text: str, **environ: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(text, **environ)
    return caught.value


def test_values_are_read_as_yaml_1_2_does() -> None:
    text = """
    texts: [abc, "1", 'true', no, on, 12:30, 2020-01-01, 1_000, "", 127.0.0.1:8001, .inf]
    numbers: [1, -2, +3, 0x1f, 0o17, 1.5, -.5, 1e3, 2.]
    others: [true, False, null, ~, ]
    empty:
    nested: {1: a, true: b, "x y": {z: []}}
    block: |
      12
    """
    assert read(text).value == {
        "texts": ["abc", "1", "true", "no", "on", "12:30", "2020-01-01", "1_000", "", "127.0.0.1:8001", ".inf"],
        "numbers": [1, -2, 3, 31, 15, 1.5, -0.5, 1000.0, 2.0],
        "others": [True, False, None, None],
        "empty": None,
        "nested": {"1": "a", "true": "b", "x y": {"z": []}},
        "block": "12\n",
    }


def test_a_number_of_a_thousand_digits_is_a_text() -> None:
    assert read("a: " + "9" * 1000).value == {"a": "9" * 1000}
    assert read("a: 1e400").value == {"a": "1e400"}


def test_a_variable_takes_the_type_that_its_value_has_unless_it_is_quoted() -> None:
    document = read("a: ${N}\nb: '${N}'\nc: ${M:-2}\nd: x${N}y${N}\ne: $${N}\n", N="7")
    assert document.value == {"a": 7, "b": "7", "c": 2, "d": "x7y7", "e": "${N}"}


def test_values_of_variables_are_not_looked_into() -> None:
    assert read("a: '${A}'", A="${B}: [", B="secret").value == {"a": "${B}: ["}


@pytest.mark.parametrize(
    ("text", "environ", "expected"),
    [
        ("${A:-x}", {}, "x"),
        ("${A:-x}", {"A": ""}, "x"),
        ("${A:-x}", {"A": "y"}, "y"),
        ("${A:-}", {}, ""),
        ("${A}", {"A": ""}, ""),
        ("${A:-sqlite:///x-y.db}", {}, "sqlite:///x-y.db"),
        ("$A $ {A} }", {"A": "y"}, "$A $ {A} }"),
        ("$${A} $$", {"A": "y"}, "${A} $$"),
    ],
)
def test_substitution(text: str, environ: dict[str, str], expected: str) -> None:
    assert substitute(text, environ, Path()) == expected


@pytest.mark.parametrize("text", ["${", "${}", "${A", "${1A}", "${A-x}", "${A:x}", "${A:-${B}}"])
def test_what_begins_like_a_reference_must_be_one(text: str) -> None:
    with pytest.raises(SubstitutionError, match="begins no reference"):
        substitute(text, {"A": "a", "B": "b"}, Path())


@pytest.mark.row("O02")
def test_a_secret_stands_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "certificate").write_text("${NOT}-looked-into\n")
    config = tmp_path / "bot.yaml"
    document = Document('a: "x ${file:secrets/certificate}"', name=str(config), environ={})
    assert document.value == {"a": "x ${NOT}-looked-into"}
    absolute = Document(f'a: "${{file:{tmp_path}/secrets/certificate}}"', name="elsewhere.yaml", environ={})
    assert absolute.value == {"a": "${NOT}-looked-into"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"x" * (MAX_FILE_BYTES + 1), "has more than 65536 bytes"),
        (b"\xff", "holds no UTF-8 text"),
    ],
)
def test_a_secret_file_that_cannot_be_used_is_named_with_its_place(
    content: bytes | None, problem: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ConfigError, match=rf"bot.yaml:2: app.certificate: .*secret {problem}"):
        Document('app:\n  certificate: "${file:secret}"\n', name=str(tmp_path / "bot.yaml"), environ={})


def test_a_variable_that_is_not_set_is_named_with_its_place() -> None:
    error = refusal("app:\n  id: a\n  certificate: ${CERT}\n")
    assert str(error) == (
        "bot.yaml:3: app.certificate: environment variable CERT is not set; set it, or write ${CERT:-default}"
    )


def test_a_key_that_stands_twice_is_named_with_both_lines() -> None:
    assert str(refusal("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n")) == (
        "bot.yaml:5: b.c: stands twice, first in line 3; leave one out"
    )


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: [1, 2\nb: 3\n", 2, "is no YAML: expected ',' or ']'"),
        ("a: 1\n\tb: 2\n", 2, "is no YAML: found character"),
        ("a: *x\n", 1, "undefined alias"),
        ("a: 1\n---\nb: 2\n", 2, "another document"),
        ("a: 1\nb: \x01", 2, "special characters"),
        ("a: {b: ${C}}", 1, "expected ',' or '}'"),
        ("a: !secret x\n", 1, "tag !secret is not understood"),
        ("\na: !!python/name:os.system\n", 2, "tag tag:yaml.org,2002:python/name:os.system is not understood"),
        ("? [a]\n: 1\n", 1, "a key is a list or a mapping"),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_line(text: str, line: int, problem: str) -> None:
    error = refusal(text)
    assert error.file == f"bot.yaml:{line}"
    assert problem in error.problem


@pytest.mark.parametrize(
    ("text", "place"), [("", ""), ("# nothing\n", ""), ("- a\n", ":1"), ("# a text\n\njust text", ":3")]
)
def test_a_document_is_a_mapping(text: str, place: str) -> None:
    assert str(refusal(text)) == f"bot.yaml{place}: is no mapping; write sections such as app: and bots:"


def test_aliases_repeat_a_value() -> None:
    document = read("a: &one {x: 1}\nb: *one\n")
    assert document.value == {"a": {"x": 1}, "b": {"x": 1}}


def test_depth_is_bounded() -> None:
    assert read("a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)).value["a"]
    read("a: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert "nested too deeply" in str(refusal("a: " + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)))
    assert "nested too deeply" in str(refusal("a: " + "[" * 5000))
    assert "nested too deeply" in str(refusal("a: &a [*a]"))


def test_aliases_cannot_make_a_short_text_endless() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "too many values" in str(refusal("\n".join(lines)))


def test_lines_are_those_of_keys_and_items() -> None:
    document = read("a:\n  - b:\n      c:\n        - 1\n  -\n    d: 2\n")
    assert document.line(("a",)) == 1
    assert document.line(("a", 0, "b", "c", 0)) == 4
    assert document.line(("a", 1, "d")) == 6
    assert document.line(("a", 1, "missing")) == 6
    assert document.line(("other",)) == 0


def test_paths_read_like_code() -> None:
    assert show_path(("bots", 0, "settings", "room-1", "x.y", 3)) == "bots[0].settings.room-1['x.y'][3]"
    assert show_path(()) == ""


def test_paths_of_plain_words_are_read_back() -> None:
    for path in [(), ("app",), ("bots", 0), ("bots", 10, "settings", "room-1", 3, 4)]:
        assert read_path(show_path(path)) == path


def test_a_complaint_that_knows_its_key_gets_file_and_line() -> None:
    document = read("app:\n  id: a\nbots:\n  - account: b\n")
    with pytest.raises(ConfigError) as caught, document.placing(("bots",)):
        raise ConfigError("is taken", key="[0].account", hint="take another")
    assert str(caught.value) == "bot.yaml:4: bots[0].account: is taken; take another"
    with pytest.raises(ConfigError) as again, document.placing():
        raise caught.value
    assert str(again.value) == str(caught.value)


def test_a_reference_in_braces_needs_quotes() -> None:
    assert refusal("a: {b: ${C}}").hint == "put ${…} in quotes here"


@given(st.text(st.sampled_from("ab:-[]{}#&*!|>'\"%@`,? \n\t1${\x00é\u2028\r"), max_size=40))
@settings(deadline=None, max_examples=300)
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ConfigError):
        assert isinstance(read(text).value, dict)
