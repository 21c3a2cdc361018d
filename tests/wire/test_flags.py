"""The flag of a message line."""

import pytest

from botkit.wire.requests import flag_of, ttl_of, uid_of


@pytest.mark.parametrize("uid", [1, 7, 999_999_999_999_999])
def test_a_flag_carries_the_senders_uid(uid: int) -> None:
    assert uid_of(flag_of(3600, uid)) == uid


@pytest.mark.parametrize(
    "flag", ["", "-", "v1:E:3600", "v1:E:3600:", "v1:E:3600:x", "v1:E:3600:-1", "v2:E:3600:7", "v1:E:1:2:3"]
)
def test_a_flag_without_a_uid(flag: str) -> None:
    assert uid_of(flag) == 0


def test_without_a_uid_it_is_the_vendors_form() -> None:
    assert flag_of(3600) == "v1:E:3600"
    assert ttl_of(flag_of(3600)) == 3600
