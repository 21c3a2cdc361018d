"""The ``gateway`` section: a gateway of our own and its settings, or the address of one elsewhere."""

from collections.abc import Sequence

from botkit.config.document import Document
from botkit.config.schema import DEFAULT_HTTP, DEFAULT_LISTEN, ConfigFile
from botkit.errors import ConfigError
from botkit.gateway.settings import Address, AppCredentials, GatewaySettings
from botkit.stores.gateway import MEMORY_URL, check_gateway_store_url
from botkit.transport.address import check_gateway_url

_OURS = ("listen", "http", "server_accounts", "insecure", "store")
"""Keys that are about a gateway of our own."""


def read_gateway(document: Document, file: ConfigFile, feed_accounts: Sequence[str]) -> GatewaySettings | str:
    """The settings of the embedded gateway, or the URL of one elsewhere.

    ``feed_accounts`` get the server role at the embedded one, beside those that the file names. Raises
    ``ConfigError`` for an address, URL or store that is none, for keys that exclude each other, and for a gateway
    that would let everybody in from other machines.
    """
    section = file.gateway
    if section.url is None:
        if section.embedded is False:
            raise document.error(
                ("gateway", "url"), "is missing", "with embedded: false it says where the gateway is, ws://HOST:PORT/"
            )
        return _embedded(document, file, feed_accounts)
    if section.embedded:
        raise document.error(("gateway", "url"), "there is an embedded gateway too", "leave out one of the two")
    for key in _OURS:
        if getattr(section, key) is not None:
            raise document.error(
                ("gateway", key),
                "is for an embedded gateway, and gateway.url names another",
                "leave out one of the two",
            )
    if file.store is not None:
        raise document.error(
            ("store",), "is for an embedded gateway, and gateway.url names another", "leave out one of the two"
        )
    with document.placing(("gateway", "url")):
        check_gateway_url(section.url)
    return section.url


def _embedded(document: Document, file: ConfigFile, feed_accounts: Sequence[str]) -> GatewaySettings:
    section = file.gateway
    app = AppCredentials(
        id=file.app.id,
        certificate=file.app.certificate,
        server_accounts=(*feed_accounts, *(section.server_accounts or ())),
    )
    with document.placing():
        http = DEFAULT_HTTP if section.http is None else section.http
        settings = GatewaySettings(
            apps=(app,),
            listen=Address.parse(section.listen or DEFAULT_LISTEN, "gateway.listen"),
            http=Address.parse(http, "gateway.http") if http else None,
            store=_store_url(file),
            insecure=bool(section.insecure),
        )
        settings.check()
    return settings


def _store_url(file: ConfigFile) -> str:
    if file.gateway.store is not None:
        if file.store is not None:
            raise ConfigError("there is store.url too", key="gateway.store", hint="leave out one of the two")
        url, key = file.gateway.store, "gateway.store"
    elif file.store is not None:
        url, key = file.store.url, "store.url"
    else:
        return MEMORY_URL
    check_gateway_store_url(url, key)
    return url
