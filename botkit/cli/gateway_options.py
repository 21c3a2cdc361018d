"""What ``botkit gateway`` is told: by options alone, or by a file and the options that change what it says.

A file says who may come in: with one, the options about that are refused. Where the gateway listens and stores can be
said again, and then the command line counts.
"""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from botkit.config.gateway import placed
from botkit.config.gateway_schema import DEFAULT_HTTP, DEFAULT_LISTEN
from botkit.config.loading import GatewayConfig
from botkit.errors import ConfigError
from botkit.gateway.settings import Address, AppCredentials, GatewaySettings
from botkit.stores.gateway import MEMORY_URL, check_gateway_store_url


class GatewayOptions(Struct, frozen=True, kw_only=True):
    """The command line. None where it says nothing."""

    app_id: str | None = None
    certificate: str = ""
    certificate_from_environment: bool = False
    """Then it may stand beside a file, whose ``${…}`` it is there for."""
    server_accounts: tuple[str, ...] = ()
    listen: str | None = None
    http: str | None = None
    store: str | None = None
    tls_certificate: str | None = None
    tls_key: str | None = None
    insecure: bool = False


def settings_of(options: GatewayOptions) -> GatewaySettings:
    """The settings of options alone. Raises ``ConfigError`` naming the option."""
    if options.app_id is None:
        raise ConfigError(
            "is missing", key="--app-id", hint="any text that clients log in with; or name a --config FILE"
        )
    app = AppCredentials(id=options.app_id, certificate=options.certificate, server_accounts=options.server_accounts)
    listen, http = Address.parse(DEFAULT_LISTEN, "--listen"), Address.parse(DEFAULT_HTTP, "--http")
    return _changed(GatewaySettings(apps=(app,), listen=listen, http=http, store=MEMORY_URL), options)


def settings_with(config: GatewayConfig, options: GatewayOptions) -> GatewaySettings:
    """The file's settings, with what options change. Raises ``ConfigError`` naming the option."""
    in_the_file = {
        "--app-id": options.app_id is not None,
        "--certificate": bool(options.certificate) and not options.certificate_from_environment,
        "--server-account": bool(options.server_accounts),
    }
    for option, given in in_the_file.items():
        if given:
            problem = f"who may come in is said in {config.document.name}"
            raise ConfigError(problem, key=option, hint="leave out the option, or --config")
    return _changed(config.settings, options)


def _changed(settings: GatewaySettings, options: GatewayOptions) -> GatewaySettings:
    if (options.tls_certificate is None) != (options.tls_key is None):
        missing = "--tls-key" if options.tls_key is None else "--tls-certificate"
        raise ConfigError("is missing", key=missing, hint="name both PEM files, the certificate's and its key's")
    if options.store is not None:
        check_gateway_store_url(options.store, "--store")
    return replace(
        settings,
        listen=settings.listen if options.listen is None else Address.parse(options.listen, "--listen"),
        http=settings.http if options.http is None else Address.parse(options.http, "--http"),
        store=settings.store if options.store is None else options.store,
        tls_certificate=settings.tls_certificate if options.tls_certificate is None else options.tls_certificate,
        tls_key=settings.tls_key if options.tls_key is None else options.tls_key,
        insecure=settings.insecure or options.insecure,
    )


def complaints(options: GatewayOptions, config: GatewayConfig | None) -> Callable[[ConfigError], ConfigError]:
    """Says a complaint of the gateway, which names keys of a file, with the place where its user wrote that.

    That is the option, where there is no file or the option counts, and else the line of the file.
    """
    names = {
        "app.id": ("--app-id", options.app_id),
        "gateway.listen": ("--listen", options.listen),
        "gateway.http": ("--http", options.http),
        "gateway.store": ("--store", options.store),
        "gateway.tls": ("--tls-certificate", options.tls_certificate),
        "gateway.tls.certificate": ("--tls-certificate", options.tls_certificate),
        "gateway.tls.key": ("--tls-key", options.tls_key),
    }

    def said(error: ConfigError) -> ConfigError:
        option, value = names.get(error.key, ("", None))
        if config is None or value is not None:
            return ConfigError(error.problem, key=option or error.key, hint=error.hint)
        return error if error.key.startswith("--") else placed(config.document, error)

    return said
