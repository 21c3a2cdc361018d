import math

import pytest
import structlog
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from trio.testing import MockClock

from botkit.app.conversations import Conversation, ConversationDesk, ConversationKind, Conversations, desk, kinds
from botkit.app.meters import AppMeters
from botkit.errors import ConversationError
from botkit.observability.metrics import Meters
from botkit.stores.conversations import ConversationKey, MemoryConversationStore, Owner, StoredConversation

OWNER = Owner("app", "pizza")


class Order(Struct, frozen=True):
    size: str = ""
    toppings: tuple[str, ...] = ()


class Complaint(Struct, frozen=True):
    text: str


class Thawed(Struct):
    text: str


ORDERS = ConversationKind(Order, timeout=60)
COMPLAINTS = ConversationKind(Complaint)


class Pizzeria:
    def __init__(self, store: MemoryConversationStore | None = None) -> None:
        self.store = store or MemoryConversationStore()
        self.meters = AppMeters(Meters())
        self.desk = ConversationDesk(OWNER, self.store, (ORDERS, COMPLAINTS), self.meters)
        self.orders, self.complaints = Conversations(self.desk, ORDERS), Conversations(self.desk, COMPLAINTS)


async def test_a_conversation_is_opened_gone_on_with_and_closed(autojump_clock: MockClock) -> None:
    pizzeria = Pizzeria()
    ann = pizzeria.orders.of("ann", "lobby")
    assert (ann.state, ann.seconds_left) == (None, None)
    await ann.set(Order(size="L"))
    assert (ann.state, ann.seconds_left) == (Order(size="L"), 60)
    assert pizzeria.orders.of("ann").state is None  # in private is another place
    assert pizzeria.orders.of("bob", "lobby").state is None
    assert pizzeria.complaints.of("ann", "lobby").state is None
    assert await ann.update(lambda order: Order(order.size, (*order.toppings, "ham"))) == Order("L", ("ham",))
    await pizzeria.complaints.of("ann").set(Complaint("cold"), timeout=5)
    assert [(one.account, one.channel) for one in pizzeria.orders.all_open()] == [("ann", "lobby")]
    await ann.close()
    await ann.close()
    assert ann.state is None
    with pytest.raises(LookupError, match="set it first"):
        await ann.update(lambda order: order)


async def test_a_restart_finds_all_of_it_again_with_the_first_deadline(autojump_clock: MockClock) -> None:
    before = Pizzeria()
    await before.orders.of("ann").set(Order(size="L"), timeout=100)
    await before.orders.of("bob").set(Order(size="M"))
    await before.orders.of("bob").close()
    await trio.sleep(30)
    after = Pizzeria(before.store)
    await after.desk.load()
    ann = after.orders.of("ann")
    assert (ann.state, ann.seconds_left, len(after.desk)) == (Order(size="L"), 70, 1)
    assert (await after.desk.next_due()).account == "ann"
    assert trio.current_time() == pytest.approx(100, abs=0.01)


async def test_time_outs_come_in_order_and_only_those_that_still_hold(autojump_clock: MockClock) -> None:
    pizzeria = Pizzeria()
    told: list[tuple[str, float]] = []

    async def tell() -> None:
        while True:
            key = await pizzeria.desk.next_due()
            told.append((key.account, round(trio.current_time(), 1)))
            await pizzeria.desk.close(key)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(tell)
        await pizzeria.orders.of("late").set(Order(), timeout=50)
        await pizzeria.orders.of("early").set(Order(), timeout=10)
        await pizzeria.orders.of("closed").set(Order(), timeout=20)
        await pizzeria.orders.of("put off").set(Order(), timeout=15)
        await trio.sleep(5)
        await pizzeria.orders.of("closed").close()
        await pizzeria.orders.of("put off").set(Order(), timeout=60)
        await pizzeria.orders.of("sooner").set(Order(), timeout=1)
        await trio.sleep(100)
        nursery.cancel_scope.cancel()
    assert told == [("sooner", 6.0), ("early", 10.0), ("late", 50.0), ("put off", 65.0)]
    assert len(pizzeria.desk) == 0


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(["set", "close", "wait"]), st.integers(0, 4), st.integers(1, 100)), max_size=200)
)
def test_whatever_is_done_each_conversation_times_out_exactly_when_it_must(steps: list[tuple[str, int, int]]) -> None:
    async def walk() -> None:
        pizzeria = Pizzeria()
        deadlines: dict[str, float] = {}
        told: dict[str, float] = {}

        async def tell() -> None:
            while True:
                key = await pizzeria.desk.next_due()
                told[key.account] = trio.current_time()
                await pizzeria.desk.close(key)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell)
            for step, who, number in steps:
                conversation = pizzeria.orders.of(f"user{who}")
                if step == "set":
                    await conversation.set(Order(), timeout=number)
                    deadlines[conversation.account] = trio.current_time() + number
                    told.pop(conversation.account, None)
                elif step == "close":
                    if conversation.state is not None:
                        deadlines.pop(conversation.account)
                    await conversation.close()
                else:
                    await trio.sleep(number / 10 + 0.05)
            await trio.sleep(120)
            nursery.cancel_scope.cancel()
        assert told == pytest.approx(deadlines, abs=0.01)
        assert len(pizzeria.desk) == 0
        assert await pizzeria.store.load(OWNER) == ()

    trio.run(walk, clock=MockClock(autojump_threshold=0))


async def test_what_another_version_wrote_is_counted_and_left(autojump_clock: MockClock) -> None:
    store = MemoryConversationStore()
    gone = StoredConversation(ConversationKey("Gone", "ann", ""), b"{}", 5)
    other = StoredConversation(ConversationKey("Complaint", "bob", ""), b'{"words":3}', 5)
    for stored in (gone, other):
        await store.save(OWNER, stored)
    pizzeria = Pizzeria(store)
    with structlog.testing.capture_logs() as logs:
        await pizzeria.desk.load()
    assert len(pizzeria.desk) == 0
    assert pizzeria.meters.conversations_unreadable.values == {"pizza": 2}
    assert [(line["kind"], line["account"]) for line in logs] == [("Gone", "ann"), ("Complaint", "bob")]
    assert set(await store.load(OWNER)) == {gone, other}


async def test_bounds(monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock) -> None:
    monkeypatch.setattr(desk, "MAX_CONVERSATIONS", 2)
    pizzeria = Pizzeria()
    room = kinds.MAX_STATE_BYTES - len('{"text":""}')
    await pizzeria.complaints.of("ann").set(Complaint("x" * room))
    with pytest.raises(ConversationError, match=r"Complaint with bob in lobby: .* 65537 bytes .* may take 65536"):
        await pizzeria.complaints.of("bob", "lobby").set(Complaint("x" * (room + 1)))
    await pizzeria.orders.of("bob").set(Order())
    with pytest.raises(ConversationError, match="has 2 open ones"):
        await pizzeria.orders.of("eve").set(Order())
    await pizzeria.orders.of("bob").set(Order(size="S"))  # which is open already
    assert pizzeria.meters.conversations_refused.values == {"pizza": 1}
    assert len(await pizzeria.store.load(OWNER)) == 2


@pytest.mark.parametrize("seconds", [0, -1, math.inf, math.nan, 366 * 86_400 + 1])
async def test_timeouts_that_cannot_be_are_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="timeout: "):
        ConversationKind(Order, timeout=seconds)
    with pytest.raises(ValueError, match="timeout: "):
        await Pizzeria().orders.of("ann").set(Order(), timeout=seconds)


def test_a_state_must_be_a_frozen_struct() -> None:
    with pytest.raises(TypeError, match=r"Thawed must be frozen: class Thawed\(Struct, frozen=True\)"):
        ConversationKind(Thawed)
    with pytest.raises(TypeError, match="is a msgspec Struct, not <class 'int'>"):
        ConversationKind(int)  # type: ignore[type-var]


async def test_a_state_of_another_kind_is_refused() -> None:
    ann: Conversation[Order] = Pizzeria().orders.of("ann")
    with pytest.raises(TypeError, match=r"has states of <class .*Order'>, not of <class .*Complaint'>"):
        await ann.set(Complaint("no order"))  # type: ignore[arg-type]


async def test_many_that_are_put_off_again_and_again_hold_no_more_memory(autojump_clock: MockClock) -> None:
    pizzeria = Pizzeria()
    for _ in range(2000):
        await pizzeria.orders.of("ann").set(Order())
    assert len(pizzeria.desk._deadlines) < 100
