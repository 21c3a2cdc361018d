"""Nicks as accounts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.cli.replay.accounts import AccountNames
from botkit.types import Account
from botkit.wire.limits import account_violation


def test_valid_nicks_are_accounts_as_they_are() -> None:
    names = AccountNames(reserved=[])
    assert [names.account_of(nick) for nick in ("ann", "[B]ob|away", "ann")] == ["ann", "[B]ob|away", "ann"]
    assert names.mapped() == {}


def test_others_are_mapped_and_shown() -> None:
    names = AccountNames(reserved=[Account("observer")])
    assert names.account_of("[B] ob") == "[B]_ob"
    assert names.account_of("[B]_ob") == "[B]_ob~2"
    assert names.account_of("observer") == "observer~2"
    assert names.account_of("a\tb") == "a_b"
    assert names.mapped() == {"[B] ob": "[B]_ob", "[B]_ob": "[B]_ob~2", "observer": "observer~2", "a\tb": "a_b"}


@pytest.mark.parametrize("size", [128, 129, 300])
def test_a_long_nick_is_cut(size: int) -> None:
    account = AccountNames(reserved=[]).account_of("é" * (size // 2) + "a" * (size % 2))
    assert len(account.encode()) == 128
    assert account_violation(account) is None


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8")) | st.sampled_from(["a b", "a_b", "a\tb", "", " "])))
def test_every_nick_gets_a_valid_account_of_its_own(nicks: list[str]) -> None:
    names = AccountNames(reserved=[Account("a_b")])
    accounts = {nick: names.account_of(nick) for nick in nicks}
    assert all(account_violation(account) is None for account in accounts.values())
    assert len(set(accounts.values())) == len(accounts)
    assert "a_b" not in accounts.values()
