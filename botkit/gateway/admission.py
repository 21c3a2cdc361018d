"""How many connections and logins one address and one account may make, so that nobody takes the room of others."""

import ipaddress

from botkit.errors import ErrorCode, LoginFailed
from botkit.gateway.counters import Counters
from botkit.gateway.limits import RateWindow
from botkit.gateway.settings import GatewaySettings
from botkit.types import Account, AppId

MINUTE = 60.0


IPV6_SITE_BITS = 64
"""Whoever has one IPv6 address has at least all of such a network."""


def site_of(address: str) -> str:
    """What is counted as one address: of IPv6 a whole /64; an IPv4 address also where it comes in through IPv6."""
    if ":" not in address:
        return address
    try:
        ip = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    if ip.is_loopback:
        return str(ip)
    return str(ipaddress.IPv6Network((int(ip), IPV6_SITE_BITS), strict=False))


class Admission:
    """The doors of one gateway. Trusted addresses (loopback, a proxy) are not counted; accounts always are."""

    def __init__(self, settings: GatewaySettings, counters: Counters) -> None:
        self._settings, self._counters = settings, counters
        self._open = 0
        self._open_by_address: dict[str, int] = {}
        self._logins_by_address: dict[str, RateWindow] = {}
        self._logins_by_account: dict[tuple[AppId, Account], RateWindow] = {}

    def enter(self, address: str) -> bool:
        """A connection wants in; False when there is no room for it. Whoever got in must ``leave``."""
        site = site_of(address)
        here = self._open_by_address.get(site, 0)
        crowded = not self._trusts(address, site) and here >= self._settings.connections_per_address
        if crowded or self._open >= self._settings.max_connections:
            self._counters.refused_connections.add_for("address" if crowded else "all")
            return False
        self._open += 1
        self._open_by_address[site] = here + 1
        return True

    def leave(self, address: str) -> None:
        """A connection that got in is closed."""
        self._open -= 1
        site = site_of(address)
        here = self._open_by_address[site] - 1
        if here:
            self._open_by_address[site] = here
        else:
            del self._open_by_address[site]

    def check_address(self, address: str, now: float) -> None:
        """Count a login, right or wrong, of an address. Raises ``LoginFailed`` (202) over its rate."""
        site = site_of(address)
        if not self._trusts(address, site):
            by_address = self._logins_by_address.get(site)
            if by_address is None:
                by_address = RateWindow(self._settings.logins_per_address, MINUTE)
                self._logins_by_address[site] = by_address
            self._take(by_address, "address", now)

    def check_account(self, app: AppId, account: Account, now: float) -> None:
        """Count a login of an account that may log in. Raises ``LoginFailed`` (202) over its rate.

        Wrong logins do not count, or anybody could lock anybody out.
        """
        by_account = self._logins_by_account.get((app, account))
        if by_account is None:
            by_account = RateWindow(self._settings.logins_per_account, MINUTE)
            self._logins_by_account[app, account] = by_account
        self._take(by_account, "account", now)

    def tidy(self, now: float) -> None:
        """Forget the rates that nobody has used for a minute."""
        self._logins_by_address = {a: rate for a, rate in self._logins_by_address.items() if not rate.idle(now)}
        self._logins_by_account = {a: rate for a, rate in self._logins_by_account.items() if not rate.idle(now)}

    def _trusts(self, address: str, site: str) -> bool:
        trusted = self._settings.trusted_addresses
        return address in trusted or site in trusted

    def _take(self, rate: RateWindow, what: str, now: float) -> None:
        if not rate.allow(now):
            self._counters.refused_logins.add_for(what)
            raise LoginFailed(ErrorCode.LOGIN_E_FAILED, f"too many logins of this {what}: {rate.limit} per minute")
