"""A YAML file of a bot's own: typed, or refused with file, line and key."""

from pathlib import Path

import pytest
from msgspec import Struct

from botkit import ConfigError, load_settings
from botkit.config import files


class Flavour(Struct, frozen=True, forbid_unknown_fields=True):
    """Something in a file."""

    name: str
    sugar: int = 0


class Flavours(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole file."""

    flavours: tuple[Flavour, ...]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "flavours.yaml"
    path.write_text(text)
    return path


def test_a_file_becomes_typed_values(tmp_path: Path) -> None:
    path = written(tmp_path, 'flavours:\n  - {name: "${BEST}", sugar: 3}\n')
    assert load_settings(path, Flavours, {"BEST": "fig"}) == Flavours((Flavour("fig", 3),))


@pytest.mark.parametrize(
    ("text", "line", "key", "problem"),
    [
        ("flavours:\n  - {name: fig, suggar: 3}\n", 2, "flavours[0].suggar", "there is no such key"),
        ("flavours:\n  - name: fig\n    sugar: much\n", 3, "flavours[0].sugar", "whole number"),
        ("flavours: [\n", 2, "", "is no YAML"),
        ("- fig\n", 1, "", "is no mapping"),
        ("", 0, "", "is no mapping"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, line: int, key: str, problem: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_settings(path, Flavours)
    assert caught.value.file == (f"{path}:{line}" if line else str(path))
    assert caught.value.key == key
    assert problem in caught.value.problem


def test_a_check_of_ones_own_knows_the_key_and_the_line_is_found(tmp_path: Path) -> None:
    def no_sweets(flavours: Flavours) -> None:
        for index, one in enumerate(flavours.flavours):
            if one.sugar > 3:
                raise ConfigError("is too sweet", key=f"flavours[{index}].sugar")

    path = written(tmp_path, "flavours:\n  - {name: fig, sugar: 3}\n  - name: date\n    sugar: 4\n")
    with pytest.raises(ConfigError) as caught:
        load_settings(path, Flavours, check=no_sweets)
    assert str(caught.value) == f"{path}:4: flavours[1].sugar: is too sweet"
    path.write_text(path.read_text().replace("4", "1"))
    assert load_settings(path, Flavours, check=no_sweets).flavours[1].sugar == 1


def test_a_file_that_is_not_there_no_text_or_too_large_names_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path / "none.yaml", Flavours)
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"flavours: [{name: cr\xe8me}]")
    with pytest.raises(ConfigError, match="is no UTF-8 at byte 20"):
        load_settings(path, Flavours)
    path.write_text("flavours: []")
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 12)
    assert load_settings(path, Flavours) == Flavours(())
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 11)
    with pytest.raises(ConfigError, match="is too large"):
        load_settings(path, Flavours)
