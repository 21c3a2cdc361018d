"""The ``gateway`` section: a gateway of our own and its settings, or the address of one elsewhere."""

import ipaddress
import re
from collections.abc import Sequence

from botkit.config.apps import app_sections
from botkit.config.document import Document, KeyPath
from botkit.config.gateway_schema import GatewaySection
from botkit.config.schema import ConfigFile
from botkit.errors import ConfigError
from botkit.gateway.settings import Address, AppCredentials, GatewaySettings
from botkit.stores.gateway import MEMORY_URL, check_gateway_store_url
from botkit.transport.address import check_gateway_url

_OF_ANY = frozenset({"url", "embedded"})
_OURS = [key for key in GatewaySection.__struct_fields__ if key not in _OF_ANY]
"""Keys that are about a gateway of our own."""

_OURS_OF_AN_APP = ("retiring", "allow_no_token", "accept_v1", "allow_force")

_ORIGIN = re.compile(r"[^:/?#\s]+://[^/?#\s]+")
_ANY_ORIGIN = frozenset({"*", "null"})  # "null" is what a page from a file says


def read_gateway(document: Document, file: ConfigFile, apps: Sequence[AppCredentials]) -> GatewaySettings | str:
    """The settings of a gateway of our own, not yet checked as a whole, or the URL of one elsewhere.

    Raises ``ConfigError`` for an address, URL, store, page or IP address that is none, and for keys that exclude each
    other.
    """
    section = file.gateway
    if document.has(("gateway", "url")):
        _check_elsewhere(document, file)
        return section.url
    if not section.embedded:
        raise document.error(
            ("gateway", "url"), "is missing", "with embedded: false it says where the gateway is, ws://HOST:PORT/"
        )
    for index, origin in enumerate(section.origins):
        _check_origin(document, ("gateway", "origins", index), origin)
    return _settings(document, file, apps)


def _settings(document: Document, file: ConfigFile, apps: Sequence[AppCredentials]) -> GatewaySettings:
    section, limits, timeouts = file.gateway, file.gateway.limits, file.gateway.timeouts
    with document.placing():
        listen = Address.parse(section.listen, "gateway.listen")
        http = Address.parse(section.http, "gateway.http") if section.http else None
    return GatewaySettings(
        apps=tuple(apps),
        listen=listen,
        http=http,
        store=_store_url(document, file),
        insecure=section.insecure,
        offline_messages=section.offline_messages,
        login_timeout=timeouts.login,
        idle_timeout=timeouts.idle,
        close_timeout=timeouts.close,
        ring_timeout=timeouts.ring,
        send_buffer=limits.send_buffer,
        send_buffers=limits.send_buffers,
        history_bytes=limits.history,
        attribute_bytes=limits.attributes,
        attribute_bytes_per_account=limits.attributes_per_account,
        channels=limits.channels,
        channels_per_account=limits.channels_per_account,
        channel_ttl=timeouts.channel,
        inbox_limit=limits.inbox,
        inbox_bytes=limits.inboxes,
        inbox_bytes_per_sender=limits.inboxes_per_sender,
        changes_per_second=limits.changes_per_second,
        max_connections=limits.connections,
        connections_per_address=limits.connections_per_address,
        logins_per_address=limits.logins_per_address,
        logins_per_account=limits.logins_per_account,
        trusted_addresses=_trusted(document, section.trusted_addresses),
        origins=section.origins,
        tls_certificate=section.tls.certificate if section.tls else "",
        tls_key=section.tls.key if section.tls else "",
        ledger_events=section.ledger.events,
        ledger_bytes=section.ledger.bytes,
        ledger_days=section.ledger.days,
    )


def placed(document: Document, error: ConfigError) -> ConfigError:
    """A complaint of the gateway or of bots with file and line, about the key that the file has."""
    key = error.key
    if key == "gateway.store" and not document.has(("gateway", "store")) and document.has(("store", "url")):
        key = "store.url"
    return document.placed(ConfigError(error.problem, file=error.file, key=key, hint=error.hint))


def _check_elsewhere(document: Document, file: ConfigFile) -> None:
    hint = "leave out one of the two"
    if document.has(("gateway", "embedded")) and file.gateway.embedded:
        raise document.error(("gateway", "url"), "there is an embedded gateway too", hint)
    ours: list[KeyPath] = [("gateway", key) for key in _OURS]
    for path, section in app_sections(document, file):
        ours += [(*path, key) for key in _OURS_OF_AN_APP]
        if section.server_accounts and not section.certificate:
            problem = "a gateway elsewhere learns of them by their tokens, and without a certificate there are none"
            raise document.error((*path, "server_accounts"), problem, "set the certificate, or tell that gateway")
    for key in ours:
        if document.has(key):
            raise document.error(key, "is for an embedded gateway, and gateway.url names another", hint)
    with document.placing(("gateway", "url")):
        check_gateway_url(file.gateway.url)


def _check_origin(document: Document, path: KeyPath, origin: str) -> None:
    if origin not in _ANY_ORIGIN and not _ORIGIN.fullmatch(origin):
        hint = "write https://example.org or https://*.example.org, without a path"
        raise document.error(path, f"{origin!r} is no origin of a page", hint)


def _trusted(document: Document, texts: Sequence[str]) -> tuple[str, ...]:
    """IP addresses as sockets tell them, and the name of connections that need none."""
    addresses = []
    for index, text in enumerate(texts):
        try:
            addresses.append(str(ipaddress.ip_address(text)))
        except ValueError:
            path, hint = ("gateway", "trusted_addresses", index), "write each out, e.g. 10.0.0.7 or fd00::7"
            raise document.error(path, f"{text!r} is no IP address", hint) from None
    return (*addresses, "memory")


def _store_url(document: Document, file: ConfigFile) -> str:
    with document.placing():
        if document.has(("gateway", "store")):
            check_gateway_store_url(file.gateway.store, "gateway.store")
            return file.gateway.store
        if file.store is None:
            return MEMORY_URL
        check_gateway_store_url(file.store.url, "store.url")
        return file.store.url
