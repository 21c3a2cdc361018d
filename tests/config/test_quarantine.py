"""The ``quarantine`` section: what becomes of bots that crash too often."""

from pathlib import Path

import pytest

from botkit.actor.quarantine import QuarantineSettings
from botkit.config.loading import load_any_config, load_config
from botkit.errors import ConfigError

FILE = """\
app: {id: the-app}
bots:
  - {bot: "bots.moderation:bot", account: moderator, channels: [lobby]}
"""


def load(tmp_path: Path, section: str) -> QuarantineSettings:
    path = tmp_path / "bots.yaml"
    path.write_text(FILE + section)
    return load_config(path, {}).quarantine


def test_left_out_it_is_probed_for_ever(tmp_path: Path) -> None:
    assert load(tmp_path, "") == QuarantineSettings(probe_after=30, longest=1800, give_up_after=None)


def test_all_of_it(tmp_path: Path) -> None:
    section = "quarantine: {probe_after: 5, longest: 60.5, give_up_after: 3}"
    assert load(tmp_path, section) == QuarantineSettings(probe_after=5, longest=60.5, give_up_after=3)


@pytest.mark.parametrize(
    ("section", "key", "problem"),
    [
        ("{probe_after: 0}", "quarantine.probe_after", "0"),
        ("{probe_after: 60, longest: 30}", "quarantine.longest", "30 s is shorter than probe_after, 60 s"),
        ("{give_up_after: -1}", "quarantine.give_up_after", "-1"),
        ("{probe: 3}", "quarantine.probe", "did you mean"),
    ],
)
def test_what_cannot_be_names_its_place(tmp_path: Path, section: str, key: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"quarantine: {section}")
    assert caught.value.key == key
    assert caught.value.file.endswith("bots.yaml:4")
    assert problem in str(caught.value)


def test_a_gateway_alone_has_no_bots_to_quarantine(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("app: {id: the-app}\nquarantine: {probe_after: 5}\n")
    with pytest.raises(ConfigError, match="quarantine: is for botkit run"):
        load_any_config(path, {})
