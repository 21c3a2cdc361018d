"""Whether a peer gets what it is due: one answer to each request, and a code and a reason with each refusal."""

from collections import Counter

import msgspec

from botkit.errors import ProtocolError
from botkit.wire.frames import (
    Call,
    CallResult,
    ClientFrame,
    LineLogin,
    Login,
    LoginResult,
    Multi,
    Ping,
    Pong,
    decode_client_frame,
    decode_gateway_frame,
    split_frames,
)
from botkit.wire.requests import SendChannelMessage

Key = tuple[type, object]
"""What an answer belongs to: a request by the JSON type and value of its id, a ping by its number, a login."""


class Answers:
    """The answers of one connection, on which some requests wait for theirs already.

    ``accepted`` and ``refused`` count those that came. ``takes_multi``: it said at login that it takes several frames
    in one message, and may send that, too.
    """

    def __init__(self, waiting: list[bytes], *, takes_multi: bool = False) -> None:
        self._due: Counter[Key] = Counter()
        self._held: Counter[Key] = Counter()
        self.accepted = self.refused = 0
        self._takes_multi = takes_multi
        for message in waiting:
            self.asked(message)

    def asked(self, message: bytes) -> None:
        """The peer has sent something. Only what is written into a channel may wait, for a verdict."""
        frames = split_frames(message)
        if frames[:1] == (message,) or self._takes_multi:
            for inner in frames:
                if not self._asked(inner):
                    return  # which ends the connection: nothing behind it is due

    def _asked(self, message: bytes | str) -> bool:
        try:
            frame = decode_client_frame(message)
        except ProtocolError:
            return False
        key = _due_to(frame)
        if key is not None:
            may_wait = isinstance(frame, Call) and frame.body.function == SendChannelMessage.function
            (self._held if may_wait else self._due)[key] += 1
        return not isinstance(frame, Multi)

    def came(self, messages: list[bytes]) -> None:
        """The peer has got something. Nothing may come that it did not ask for, and no answer twice."""
        for message in messages:
            key = self._read(message)
            if key is not None:
                due = self._due if self._due[key] else self._held
                assert due[key], f"not asked for: {message!r}"
                due[key] -= 1

    @property
    def waiting(self) -> bool:
        """Whether something waits for a verdict."""
        return bool(+self._held)

    def check(self) -> None:
        """Whether all is answered that may not wait."""
        assert not +self._due, f"no answer to {+self._due}"

    def check_all(self) -> None:
        """Whether all is answered."""
        self.check()
        assert not +self._held, f"no answer to {+self._held}"

    def _read(self, message: bytes) -> Key | None:
        match decode_gateway_frame(message):
            case CallResult(body):
                refusal = self._check(msgspec.json.decode(body.result))
                assert body.error == ""
                assert not refusal or msgspec.json.decode(body.result)["data"] == {"result": refusal}
                return type(body.call_id), body.call_id
            case LoginResult(body):
                outcome = msgspec.json.decode(body.result)
                assert body.error == self._check(outcome)
                self._takes_multi |= outcome.get("multi", False)
                return LoginResult, None
            case Pong(number):
                return Pong, number
        return None

    def _check(self, outcome: dict[str, object]) -> str:
        """The reason of a refusal; empty for a success."""
        if outcome["result"] == "ok":
            self.accepted += 1
            return ""
        self.refused += 1
        code, reason = outcome["code"], outcome["reason"]
        assert outcome["result"] == "failed"
        assert isinstance(code, int)
        assert code > 0
        assert isinstance(reason, str)
        assert reason
        return reason


def _due_to(frame: ClientFrame) -> Key | None:
    match frame:
        case Call(body):
            return type(body.call_id), body.call_id
        case Login() | LineLogin():
            return LoginResult, None
        case Ping(number):
            return Pong, number
    return None
