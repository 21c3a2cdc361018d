"""Attributes of users: their own to set, everybody's to read, online or not."""

import msgspec
import pytest
import trio

from botkit.gateway.attribute_set import MAX_ATTRIBUTES
from botkit.testing import Refusal, WirePeer, open_test_gateway


@pytest.mark.row("M04", "M05", "M06", "C01", "C02", "C03", "W03")
async def test_attributes_are_read_by_others_also_when_the_user_is_gone(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "bob") as bob:
        async with WirePeer.connect(gateway.connector, "ann") as ann:
            assert (await ann.request("user_get_attr_all", account="ann"))["json"] == "{}"
            assert await ann.request("user_set_attr", name="mood", value="fine") == {"result": "ok"}
            await ann.request("user_set_attr", name="mood", value="great 🎉")
            await ann.request("user_set_attr", name="_x", value="")
        answer = await bob.request("user_get_attr", account="ann", name="mood")
        assert answer == {"result": "ok", "account": "ann", "name": "mood", "value": "great 🎉"}
        everything = await bob.request("user_get_attr_all", account="ann")
        assert everything["account"] == "ann"
        assert msgspec.json.decode(str(everything["json"])) == {"mood": "great 🎉", "_x": ""}
        assert (await bob.request("user_get_attr_all", account="nobody"))["json"] == "{}"
        for account, name in [("ann", "unknown"), ("nobody", "mood")]:
            with pytest.raises(Refusal, match=f"{account} has no attribute {name}"):
                await bob.request("user_get_attr", account=account, name=name)
        assert (await bob.request("user_get_attr_all", account="bob"))["json"] == "{}"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("n" * 128, "", 0),
        ("n" * 129, "", 1005),
        ("日" * 42 + "nn", "", 0),
        ("日" * 43, "", 1005),
        ("", "x", 1004),
        ("n", "v" * 1024, 0),
        ("n", "v" * 1025, 1005),
        ("n", "ü" * 512, 0),
        ("n", "ü" * 513, 1005),
    ],
)
@pytest.mark.row("M04", "G04")
async def test_user_attribute_borders(name: str, value: str, code: int, autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        if code:
            with pytest.raises(Refusal) as refusal:
                await ann.request("user_set_attr", name=name, value=value)
            assert refusal.value.code == code
            assert (await ann.request("user_get_attr_all", account="ann"))["json"] == "{}"
        else:
            await ann.request("user_set_attr", name=name, value=value)
            assert (await ann.request("user_get_attr", account="ann", name=name))["value"] == value


async def test_a_user_has_100_attributes_at_most(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        for number in range(MAX_ATTRIBUTES):
            await ann.request("user_set_attr", name=f"a{number}", value="x")
        with pytest.raises(Refusal, match="at most 100") as refusal:
            await ann.request("user_set_attr", name="one more", value="x")
        assert refusal.value.code == 1005
        await ann.request("user_set_attr", name="a0", value="changed")
