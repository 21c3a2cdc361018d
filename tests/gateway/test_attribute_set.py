"""How much the attributes of channels and users may take: each, all together, and of one account."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.errors import SignalingError
from botkit.gateway.attribute_set import AttributeRoom, AttributeSet
from botkit.gateway.quota import NOBODY, Quota
from botkit.observability.metrics import Meters

SMALL, LARGE = "v" * 2, "v" * 8


def room(each: int = 10**6, together: int = 10**6, by_account: int = 10**6) -> AttributeRoom:
    refused = Meters().counter("refused_total", "Refused.", "bound")
    return AttributeRoom("channel", Quota(together, by_account), depth=0, each=each, refused=refused)


def refusal_of(attributes: AttributeSet, name: str, value: str, setter: str = NOBODY) -> str:
    with pytest.raises(SignalingError) as refusal:
        attributes.check_room(name, value, setter)
    assert refusal.value.code == 1005
    return refusal.value.reason


def test_what_one_channel_may_have() -> None:
    attributes = AttributeSet(room(each=26))  # an attribute takes 7 bytes besides its value
    attributes.put("a", SMALL)
    attributes.check_room("b", "v" * 10)
    assert "at most 26" in refusal_of(attributes, "b", "v" * 11)
    attributes.check_room("a", "v" * 19)
    assert "too large: 27 bytes" in refusal_of(attributes, "a", "v" * 20)


def test_what_all_may_have_together() -> None:
    shared = room(together=26)
    one, other = AttributeSet(shared), AttributeSet(shared)
    one.put("a", SMALL)
    other.check_room("a", "v" * 10)
    assert "all channels" in refusal_of(other, "a", "v" * 11)
    other.put("a", "v" * 10)
    assert "all channels" in refusal_of(other, "b", "")
    one.check_room("a", "v")
    one.clear()
    other.check_room("b", SMALL)
    assert shared.quota.used == 17


def test_what_one_account_may_have_set() -> None:
    shared = room(by_account=26)
    one, other = AttributeSet(shared), AttributeSet(shared)
    one.put("a", SMALL, "ann")
    other.check_room("a", "v" * 10, "ann")
    assert "ann has set" in refusal_of(other, "a", "v" * 11, "ann")
    other.put("a", "v" * 10, "ann")
    assert "ann has set" in refusal_of(other, "b", "", "ann")
    other.check_room("b", "v" * 19, "bob")
    other.check_room("b", "v" * 99)
    # What another account sets anew is that one's.
    other.put("a", "v" * 10, "bob")
    assert (shared.quota.used_by("ann"), shared.quota.used_by("bob")) == (9, 17)
    assert "bob has set" in refusal_of(one, "a", "v" * 3, "bob")
    one.check_room("a", "v" * 19, "ann")
    one.remove("a")
    assert (shared.quota.used_by("ann"), shared.quota.used) == (0, 17)


def test_what_becomes_less_is_never_refused() -> None:
    shared = room(each=1, together=1, by_account=1)
    attributes = AttributeSet(shared, {"a": LARGE})
    attributes.put("b", LARGE, "ann")
    attributes.check_room("a", SMALL)
    attributes.check_room("b", LARGE, "ann")
    refusal_of(attributes, "b", LARGE + "v", "ann")


steps = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from("abc"), st.text("v", max_size=3), st.sampled_from(["", "ann", "bob"]))
    | st.tuples(st.integers(0, 1), st.sampled_from(["remove a", "remove b", "clear"])),
    max_size=40,
)


@given(steps)
def test_the_sums_are_right_whatever_happens(steps: list[tuple[int, str, str, str] | tuple[int, str]]) -> None:
    shared = room()
    sets = [AttributeSet(shared) for _ in range(2)]
    setters: dict[tuple[int, str], str] = {}
    for step in steps:
        which, what = step[0], step[1]
        if len(step) == 4:
            sets[which].put(what, step[2], step[3])
            setters[which, what] = step[3]
        elif what == "clear":
            sets[which].clear()
        else:
            sets[which].remove(what[-1])
        sizes = {
            (number, name): shared.size_of(name, value)
            for number, attributes in enumerate(sets)
            for name, value in attributes.items()
        }
        assert shared.quota.used == sum(sizes.values()) == sum(attributes.size for attributes in sets)
        for account in ("ann", "bob"):
            assert shared.quota.used_by(account) == sum(size for key, size in sizes.items() if setters[key] == account)
        assert set(shared.quota._used_by) == {account for account in ("ann", "bob") if shared.quota.used_by(account)}
