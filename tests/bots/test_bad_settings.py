"""What is wrong in the file of a bot is refused with the file, and with the very line on which it stands."""

from pathlib import Path

import msgspec
import pytest

from botkit import ConfigError, load_settings
from botkit.config.loading import load_config
from bots.moderation.rules.settings import RuleFile
from tests.bots.moderation.models import model_of

HEAD = """\
app: {id: 970ca35de60c44645bbae8a215061b33}
gateway: {listen: "127.0.0.1:0", http: "127.0.0.1:0"}
bots:
  - bot: bots.BOT:bot
    account: a-bot
    settings:
"""

MODERATION = """\
rules:
  - id: spam
    kind: words
    words:
      - spam
      - "buy now"
  - id: coins
    kind: regex
    patterns:
      - free
      - 'coins?'
    then:
      - strike
      - alert
  - id: rude
    kind: score
    scorer: rudeness
"""

MODERATOR = """\
      ladder:
        steps:
          - warn
          - mute 10m
        decay: 1d
      scorers:
        - name: rudeness
          sources:
            - kind: http
              url: http://127.0.0.1:9/
              headers:
                x-key: one
            - kind: model
              file: MODEL
            - kind: function
              function: os:getpid
            - kind: process
              command:
                - "true"
                - "x"
      texts:
        warn: "hi {account}"
      exempt:
        roles:
          - helper
      database: "sqlite:///moderation.db"
"""

PRESENCE = """\
      ignore:
        - bot-*
      database: "sqlite:///presence.db"
      sinks:
        - to: webhook
          name: backend
          url: https://backend.example.org/presence
          secret: 0123456789abcdef
        - to: file
          name: rooms
          path: var/rooms.jsonl
          watches:
            - rooms
      watches:
        - watch: occupied
          name: rooms
          channels:
            - room-*
"""

FLOW = """\
queues:
  people:
    humans:
      - anna
blocks:
  main:
    - do: say
      text: Welcome {caller}.
    - do: queue
      to: people
      otherwise: [{do: end}]
    - do: end
"""

AGENT = """\
      accept:
        - channel: support-*
          hours: "09:00-17:30"
          timezone: UTC
          days:
            - mon
      database: "sqlite:///calls.db"
      flow: FLOW
"""


def model(word: str = "casino") -> str:
    """A model that objects to one word, as it is in its file."""
    return msgspec.json.encode(model_of(word)).decode()


def refusal(folder: Path, bot: str, settings: str, files: dict[str, str]) -> tuple[str, str]:
    """The place, below the folder, and the key that a configuration is refused with."""
    for name, text in files.items():
        (folder / name).write_text(text)
    path = folder / "bots.yaml"
    for name in files:
        settings = settings.replace(name.partition(".")[0].upper(), str(folder / name))
    path.write_text(HEAD.replace("BOT", bot) + settings)
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    return caught.value.file.removeprefix(f"{folder}/"), caught.value.key


def wrong(text: str, right: str, mistake: str) -> tuple[str, int]:
    """The text with one place of it wrong, and the line of that."""
    before, found, after = text.partition(right)
    assert found
    return before + mistake + after, before.count("\n") + 1


IN_HEAD = HEAD.count("\n")


@pytest.mark.parametrize(
    ("right", "mistake", "key"),
    [
        ("- mute 10m", "- mute 10q", "ladder.steps[1]"),
        ("- mute 10m", "- strike", "ladder.steps[1]"),
        ("decay: 1d", "decay: soon", "ladder.decay"),
        ("url: http://127.0.0.1:9/", "url: http://a b/", "scorers[0].sources[0].url"),
        ("x-key: one", 'x-key: "one\\ntwo"', "scorers[0].sources[0].headers.x-key"),
        ("file: MODEL", "file: nowhere.json", "scorers[0].sources[1].file"),
        ("function: os:getpid", "function: os:nix", "scorers[0].sources[2].function"),
        ('- "true"', "- no-such-program", "scorers[0].sources[3].command[0]"),
        ('warn: "hi {account}"', 'warn: "hi {acount}"', "texts.warn"),
        ("- helper", "- king", "exempt.roles[0]"),
        ("database: ", "database: x", "database"),
    ],
)
def test_settings_of_the_moderation_bot(tmp_path: Path, right: str, mistake: str, key: str) -> None:
    text, line = wrong(MODERATOR, right, mistake)
    found = refusal(
        tmp_path, "moderation", text + "      rules: RULES\n", {"rules.yaml": MODERATION, "model.json": model()}
    )
    assert found == (f"bots.yaml:{IN_HEAD + line}", f"bots[0].settings.{key}")


@pytest.mark.parametrize(
    ("right", "mistake", "key"),
    [
        ('- "buy now"', '- ""', "rules[0].words[1]"),
        ("- 'coins?'", "- 'coins('", "rules[1].patterns[1]"),
        ("- 'coins?'", "- 'x*'", "rules[1].patterns[1]"),
        ("- alert", "- alarm", "rules[1].then[1]"),
        ("id: coins", "id: Coins", "rules[1].id"),
        ("id: coins", "id: spam", "rules[1].id"),
        ("scorer: rudeness", "scorer: kindness", "rules[2].scorer"),
        ("kind: regex", "kind: rexeg", "rules[1].kind"),
        ("kind: words", "kind: [words", ""),
    ],
)
def test_rules_in_a_file(tmp_path: Path, right: str, mistake: str, key: str) -> None:
    text, line = wrong(MODERATION, right, mistake)
    found = refusal(
        tmp_path, "moderation", MODERATOR + "      rules: RULES\n", {"rules.yaml": text, "model.json": model()}
    )
    assert found == (f"rules.yaml:{line + (not key)}", key)  # what has no end is noticed at the next line


@pytest.mark.parametrize(
    ("right", "mistake", "key"),
    [
        ("- bot-*", "- bot *", "ignore[0]"),
        ("database: ", "database: x", "database"),
        ("url: https://backend.example.org/presence", "url: https://back end/", "sinks[0].url"),
        ("url: https://backend.example.org/presence", "url: https://backend:0/", "sinks[0].url"),
        ("secret: 0123456789abcdef", "secret: too-short", "sinks[0].secret"),
        ("- rooms\n      watches", "- romos\n      watches", "sinks[1].watches[0]"),
        ("- room-*", '- ""', "watches[0].channels[0]"),
        ("channels:\n            - room-*", "channels: []", "watches[0].channels"),
    ],
)
def test_settings_of_the_presence_bot(tmp_path: Path, right: str, mistake: str, key: str) -> None:
    text, line = wrong(PRESENCE, right, mistake)
    assert refusal(tmp_path, "presence", text, {}) == (f"bots.yaml:{IN_HEAD + line}", f"bots[0].settings.{key}")


@pytest.mark.parametrize(
    ("right", "mistake", "key"),
    [
        ('hours: "09:00-17:30"', 'hours: "9-17:30"', "accept[0].hours"),
        ("timezone: UTC", "timezone: Europe/Berln", "accept[0].timezone"),
        ("days:\n            - mon", "days: []", "accept[0].days"),
        ("- mon", "- moon", "accept[0].days[0]"),
        ("database: ", "database: x", "database"),
    ],
)
def test_settings_of_the_call_agent(tmp_path: Path, right: str, mistake: str, key: str) -> None:
    text, line = wrong(AGENT, right, mistake)
    found = refusal(tmp_path, "call_agent", text, {"flow.yaml": FLOW})
    assert found == (f"bots.yaml:{IN_HEAD + line}", f"bots[0].settings.{key}")


@pytest.mark.parametrize(
    ("right", "mistake", "key"),
    [
        ("- anna", '- "an na"', "queues.people.humans[0]"),
        ("text: Welcome {caller}.", "text: Welcome {callr}.", "blocks.main[0].text"),
        ("text: Welcome {caller}.", "text: Welcome {caller.", "blocks.main[0].text"),
        ("text: Welcome {caller}.", "text: Welcome caller}.", "blocks.main[0].text"),
        ("to: people", "to: poeple", "blocks.main[1].to"),
        ("- do: end", "- do: edn", "blocks.main[2].do"),
    ],
)
def test_a_flow_in_a_file(tmp_path: Path, right: str, mistake: str, key: str) -> None:
    text, line = wrong(FLOW, right, mistake)
    found = refusal(tmp_path, "call_agent", AGENT, {"flow.yaml": text})
    assert found == (f"flow.yaml:{line}", key)


@pytest.mark.parametrize("text", ["", "# nothing\n", "- one\n", "one\n"])
def test_a_file_that_is_no_mapping_says_what_goes_into_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(path, RuleFile)
    assert str(caught.value).endswith("is no mapping; write sections such as rules: and exempt:")


def test_a_reload_sees_that_rules_and_models_have_changed_and_that_they_have_not(tmp_path: Path) -> None:
    rules, scored = tmp_path / "rules.yaml", tmp_path / "model.json"
    rules.write_text(MODERATION)
    scored.write_text(model())
    path = tmp_path / "bots.yaml"
    text = HEAD.replace("BOT", "moderation") + MODERATOR + f"      rules: {rules}\n"
    path.write_text(text.replace("MODEL", str(scored)))

    def settings() -> object:
        (bot,) = load_config(path, {}).bots
        return bot.placement.settings

    first = settings()
    assert settings() == first
    scored.write_text(model("roulette"))
    second = settings()
    assert second != first
    rules.write_text(MODERATION.replace("coins?", "coins"))
    assert settings() not in (first, second)
    rules.write_text(MODERATION)
    assert settings() == second
