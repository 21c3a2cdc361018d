"""The effects of moderators: what needs a server account. See ``effects``."""

from typing import Literal, TypeAlias

from botkit.signaling.effects import Effect
from botkit.wire import admin
from botkit.wire.replies import Ok
from botkit.wire.request import Request

Verdict: TypeAlias = Literal["deliver", "replace", "drop"]


class _OnAccount(Effect, frozen=True, kw_only=True):
    account: str

    @property
    def target(self) -> str:
        return self.account


class _OnChannel(Effect, frozen=True, kw_only=True):
    channel: str

    @property
    def target(self) -> str:
        return self.channel

    @property
    def where(self) -> str:
        return self.channel


class Mute(_OnAccount, frozen=True, kw_only=True, tag="mute"):
    """Have an account's messages refused, in ``channel`` or (empty) everywhere; ``seconds`` 0: until lifted."""

    channel: str = ""
    seconds: float = 0
    reason: str = ""

    @property
    def where(self) -> str:
        """See ``Effect``."""
        return self.channel

    @property
    def words(self) -> str:
        """See ``Effect``."""
        return self.reason

    def request(self) -> Request:
        """See ``Effect``."""
        return admin.Mute(account=self.account, channel=self.channel, seconds=self.seconds, reason=self.reason)


class Unmute(_OnAccount, frozen=True, kw_only=True, tag="unmute"):
    """Lift a mute."""

    channel: str = ""

    @property
    def where(self) -> str:
        """See ``Effect``."""
        return self.channel

    def request(self) -> Request:
        """See ``Effect``."""
        return admin.Unmute(account=self.account, channel=self.channel)


class Ban(_OnAccount, frozen=True, kw_only=True, tag="ban"):
    """End an account's session and have its logins refused; ``seconds`` 0: until lifted."""

    seconds: float = 0
    reason: str = ""

    @property
    def words(self) -> str:
        """See ``Effect``."""
        return self.reason

    def request(self) -> Request:
        """See ``Effect``."""
        return admin.Ban(account=self.account, seconds=self.seconds, reason=self.reason)


class Unban(_OnAccount, frozen=True, kw_only=True, tag="unban"):
    """Lift a ban."""

    def request(self) -> Request:
        """See ``Effect``."""
        return admin.Unban(account=self.account)


class Kick(_OnAccount, frozen=True, kw_only=True, tag="kick"):
    """Put an account out of a channel."""

    channel: str
    reason: str = ""

    @property
    def where(self) -> str:
        """See ``Effect``."""
        return self.channel

    @property
    def words(self) -> str:
        """See ``Effect``."""
        return self.reason

    def request(self) -> Request:
        """See ``Effect``."""
        return admin.Kick(account=self.account, channel=self.channel, reason=self.reason)

    def dry_answer(self) -> Ok:
        """See ``Effect``."""
        return admin.Kicked(count=1)


class CloseChannel(_OnChannel, frozen=True, kw_only=True, tag="close_channel"):
    """Put everybody out of a channel and destroy it."""

    reason: str = ""

    @property
    def words(self) -> str:
        """See ``Effect``."""
        return self.reason

    def request(self) -> Request:
        """See ``Effect``."""
        return admin.CloseChannel(channel=self.channel, reason=self.reason)

    def dry_answer(self) -> Ok:
        """See ``Effect``."""
        return admin.Kicked(count=0)


class Hold(_OnChannel, frozen=True, kw_only=True, tag="hold"):
    """Have a channel's messages wait for this session's verdicts, each for ``budget_ms``."""

    budget_ms: int
    open_on_silence: bool

    def request(self) -> Request:
        """See ``Effect``."""
        return admin.Hold(channel=self.channel, budget_ms=self.budget_ms, open=self.open_on_silence)


class Release(_OnChannel, frozen=True, kw_only=True, tag="release"):
    """Lift a hold; what waits is delivered."""

    def request(self) -> Request:
        """See ``Effect``."""
        return admin.Release(channel=self.channel)


class Judge(Effect, frozen=True, kw_only=True, tag="judge"):
    """The verdict on a held message."""

    number: int
    action: Verdict
    text: str = ""
    reason: str = ""

    @property
    def target(self) -> str:
        """See ``Effect``."""
        return str(self.number)

    @property
    def words(self) -> str:
        """See ``Effect``."""
        return self.text or self.reason

    def request(self) -> Request:
        """See ``Effect``."""
        return admin.Judge(number=self.number, action=self.action, text=self.text, reason=self.reason)
