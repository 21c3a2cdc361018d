"""``invoke``: the eleven remote calls that the vendor's SDKs know by name."""

import msgspec

from botkit.errors import ErrorCode, ParameterError, QueryFailed, RequestFailed
from botkit.signaling import checks, effects
from botkit.signaling.outgoing import Outgoing
from botkit.signaling.requests import Requests
from botkit.types import JsonObject
from botkit.wire import replies, requests
from botkit.wire.replies import Ok
from botkit.wire.request import Request

PREFIX = "io.agora.signal."
"""What the vendor's documents put before each name; it does not travel."""


_ANSWERS: tuple[tuple[type[Request], type[Ok]], ...] = (
    (requests.QueryUserStatus, replies.Status),
    (requests.SetUserAttribute, Ok),
    (requests.GetUserAttribute, replies.UserAttribute),
    (requests.GetUserAttributes, replies.UserAttributes),
    (requests.QueryChannelCount, replies.Count),
    (requests.QueryIsInChannel, replies.IsIn),
    (requests.QueryChannelUsers, replies.Users),
    (requests.QueryAllChannelUsers, replies.Users),
    (requests.SetChannelAttribute, Ok),
    (requests.DeleteChannelAttribute, Ok),
    (requests.ClearChannelAttributes, Ok),
)

FUNCTIONS = {request.function: (request, reply) for request, reply in _ANSWERS}
"""What ``invoke`` can call, by its name without the prefix: the request, and what answers it."""


class Invoker:
    """The verb of ``LoginSession`` that takes the vendor's names and JSON, for what is written against them."""

    def __init__(self, requests: Requests, outgoing: Outgoing) -> None:
        self._requests, self._outgoing = requests, outgoing

    async def invoke(self, name: str, request: JsonObject) -> JsonObject:
        """Call ``name``, with ``io.agora.signal.`` before it or without, and return its answer (``invoke``).

        ======================================================  ========================================
        name and what ``request`` has                           what the answer has besides ``result``
        ======================================================  ========================================
        ``user_query_user_status`` account                      status (1 online, 0 not)
        ``user_set_attr`` name, value
        ``user_get_attr`` account, name                         account, name, value
        ``user_get_attr_all`` account                           account, json (a JSON text)
        ``channel_query_num`` name                              num
        ``channel_query_user_isin`` name, account               isin (1 or 0)
        ``channel_query_userlist`` name                         num, list of [account, uid]: the latest 200
        ``channel_query_userlist_all`` name, num (1000000)      num, list of [account, uid]: the latest num
        ``channel_set_attr`` channel, name, value
        ``channel_del_attr`` channel, name
        ``channel_clear_attr`` channel
        ======================================================  ========================================

        ``result`` is always ``ok``: a refusal raises ``RequestFailed`` with the gateway's reason, 1001; so does a name
        that is none of these, before anything is sent. 1002 when no answer came: then it may have been carried out.
        Raises ``ParameterError`` for a field that is missing, of the wrong type or too large. Fields that a call does
        not know are ignored, as the vendor's SDKs do.
        """
        function = FUNCTIONS.get(name.removeprefix(PREFIX))
        if function is None:
            names = ", ".join(FUNCTIONS)
            raise RequestFailed(ErrorCode.GENERAL_E_FAILED, f"unknown function {name[:64]!r}: use one of {names}")
        kind, reply_type = function
        typed = _typed(request, kind)
        _check(typed)
        try:
            effect = _effect(typed)
            ask = self._requests.ask(typed, reply_type) if effect is None else self._outgoing.act(effect, reply_type)
            reply = await ask
        except QueryFailed as error:
            unanswered = error.code is ErrorCode.QUERYUSERNUM_E_TIMEOUT
            code = ErrorCode.GENERAL_E_UNKNOWN if unanswered else ErrorCode.GENERAL_E_FAILED
            raise RequestFailed(code, error.reason) from error
        answer: JsonObject = msgspec.json.decode(msgspec.json.encode(reply))
        return answer


def _typed(request: JsonObject, kind: type[Request]) -> Request:
    try:
        return msgspec.convert(request, kind)
    except msgspec.ValidationError as error:
        raise ParameterError("request", str(error)) from None


def _effect(request: Request) -> effects.Effect | None:
    """What a call changes; None for a question."""
    match request:
        case requests.SetUserAttribute(name=name, value=value):
            return effects.SetUserAttribute(name=name, value=value)
        case requests.SetChannelAttribute(channel=channel, name=name, value=value):
            return effects.SetChannelAttribute(channel=channel, name=name, value=value)
        case requests.DeleteChannelAttribute(channel=channel, name=name):
            return effects.DeleteChannelAttribute(channel=channel, name=name)
        case requests.ClearChannelAttributes(channel=channel):
            return effects.ClearChannelAttributes(channel=channel)
        case _:
            return None


def _check(request: Request) -> None:
    """The limits of whatever the call has. Raises ``ParameterError``."""
    match request:
        case requests.SetUserAttribute(name=name, value=value):
            checks.check_user_attribute(name, value)
        case requests.GetUserAttribute(account=account, name=name):
            checks.check_account(account)
            checks.check_user_attribute(name)
        case requests.GetUserAttributes(account=account) | requests.QueryUserStatus(account=account):
            checks.check_account(account)
        case requests.QueryIsInChannel(channel=channel, account=account):
            checks.check_channel(channel)
            checks.check_account(account)
        case requests.SetChannelAttribute(channel=channel, name=name, value=value):
            checks.check_channel(channel)
            checks.check_channel_attribute(name, value)
        case requests.DeleteChannelAttribute(channel=channel, name=name):
            checks.check_channel(channel)
            checks.check_channel_attribute(name)
        case (
            requests.ClearChannelAttributes(channel=channel)
            | requests.QueryChannelCount(channel=channel)
            | requests.QueryChannelUsers(channel=channel)
            | requests.QueryAllChannelUsers(channel=channel)
        ):
            checks.check_channel(channel)
