"""The pacer against the window that the gateway enforces."""

from hypothesis import given
from hypothesis import strategies as st

from botkit.cli.replay.pacing import Pacer
from botkit.gateway.limits import RateWindow
from botkit.types import Account
from botkit.wire.limits import CHANNEL_MESSAGES_PER_SECOND, USER_MESSAGES_PER_SECOND

users = st.sampled_from([Account("ann"), Account("bob"), Account("cid"), Account("dan"), Account("eve")])


@given(st.lists(st.tuples(users, st.floats(0, 0.02)), max_size=600))
def test_what_is_paced_is_never_refused(sends: list[tuple[Account, float]]) -> None:
    pacer, now = Pacer(), 0.0
    channel = RateWindow(CHANNEL_MESSAGES_PER_SECOND)
    by_user = {account: RateWindow(USER_MESSAGES_PER_SECOND) for account, _ in sends}
    for account, pause in sends:
        now += pause
        now = pacer.free_at(account, now)
        pacer.take(account, now)
        assert channel.allow(now)
        assert by_user[account].allow(now)


def test_one_user_gets_54_in_a_second_and_the_channel_180() -> None:
    pacer = Pacer()
    ann = Account("ann")
    for _ in range(54):
        assert pacer.free_at(ann, 0.0) == 0
        pacer.take(ann, 0.0)
    assert pacer.free_at(ann, 0.25) == 1
    for number in range(180 - 54):
        pacer.take(Account(f"user{number}"), 0.0)
    assert pacer.free_at(Account("zoe"), 0.25) == 1
    assert pacer.free_at(Account("zoe"), 1.0) == 1
