"""What a session can ask about accounts and channels, its own or not."""

from botkit.errors import ErrorCode, RequestFailed
from botkit.signaling import checks
from botkit.signaling.effects import SetUserAttribute
from botkit.signaling.outgoing import Outgoing
from botkit.signaling.requests import Requests
from botkit.types import Account, Uid
from botkit.wire import replies
from botkit.wire.replies import Failure, Ok, decode_attributes
from botkit.wire.requests import (
    GetUserAttribute,
    GetUserAttributes,
    QueryAllChannelUsers,
    QueryChannelCount,
    QueryIsInChannel,
    QueryUserStatus,
)


class Directory:
    """The verbs of ``LoginSession`` that read: attributes of users, who is online, who is where."""

    def __init__(self, requests: Requests, outgoing: Outgoing) -> None:
        self._requests, self._outgoing = requests, outgoing

    async def set_user_attribute(self, name: str, value: str) -> None:
        """Set an attribute of this account (``userSetAttr``): name at most 128 bytes, value at most 1024.

        Raises ``RequestFailed`` (1001; 1002 when no answer came: then it may be set).
        """
        checks.check_user_attribute(name, value)
        await self._outgoing.act(SetUserAttribute(name=name, value=value), Ok)

    async def get_user_attribute(self, account: str, name: str) -> str | None:
        """An attribute of any account, online or not (``userGetAttr``); None when it has no such attribute.

        Raises ``RequestFailed``.
        """
        checks.check_account(account)
        checks.check_user_attribute(name)
        try:
            answer = await self._requests.ask(GetUserAttribute(account=account, name=name), replies.UserAttribute)
        except RequestFailed as error:
            if error.code is ErrorCode.GENERAL_E_FAILED:
                return None
            raise
        return answer.value

    async def get_user_attributes(self, account: str) -> dict[str, str]:
        """All attributes of any account, online or not (``userGetAttrAll``). Raises ``RequestFailed``."""
        checks.check_account(account)
        attributes: dict[str, str] = {}

        def on_answer(answer: replies.UserAttributes | Failure | None) -> None:
            if isinstance(answer, replies.UserAttributes):
                attributes.update(decode_attributes(answer.json))

        await self._requests.ask(GetUserAttributes(account=account), replies.UserAttributes, on_answer)
        return attributes

    async def query_channel_count(self, name: str) -> int:
        """How many members a channel has (``channelQueryUserNum``); 0 for one that does not exist.

        Raises ``QueryFailed`` (500; 501 when no answer came).
        """
        checks.check_channel(name)
        return (await self._requests.ask(QueryChannelCount(channel=name), replies.Count)).num

    async def is_online(self, account: str) -> bool:
        """Whether an account is logged in (``user_query_user_status``). Raises ``QueryFailed``."""
        checks.check_account(account)
        return bool((await self._requests.ask(QueryUserStatus(account=account), replies.Status)).status)

    async def is_in_channel(self, account: str, channel: str) -> bool:
        """Whether an account is a member of a channel (``channel_query_user_isin``). Raises ``QueryFailed``."""
        checks.check_account(account)
        checks.check_channel(channel)
        answer = await self._requests.ask(QueryIsInChannel(channel=channel, account=account), replies.IsIn)
        return bool(answer.isin)

    async def list_channel_users(self, name: str) -> list[tuple[Account, Uid]]:
        """All members of a channel with their uids (``channel_query_userlist_all``). Raises ``QueryFailed``.

        When their names are too long for one answer (2 MB by default), those that joined last; ``query_channel_count``
        tells how many there are.
        """
        checks.check_channel(name)
        answer = await self._requests.ask(QueryAllChannelUsers(channel=name), replies.Users)
        return [(Account(account), Uid(uid)) for account, uid in answer.members]
