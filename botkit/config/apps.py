"""The ``app`` section, or ``apps``: who may enter which app, and what proves that."""

from collections.abc import Iterator
from datetime import datetime

from botkit.config.document import Document, KeyPath
from botkit.config.schema import AppSection, ConfigFile, RetiringSection
from botkit.gateway.settings import AppCredentials, RetiringCertificate

_FIRST_SECOND = 1_577_836_800  # 2020: no certificate of ours is older, but a date without dashes is a number, too
_LAST_SECOND = 253_402_300_799  # the year 9999: a time in milliseconds is beyond
_TIME_HINT = "write 2027-01-31T00:00:00Z, or seconds since 1970"


def read_apps(document: Document, file: ConfigFile) -> tuple[AppCredentials, ...]:
    """The apps of a file, at least one. Raises ``ConfigError`` for ids and certificates that cannot be."""
    apps: list[AppCredentials] = []
    for path, section in app_sections(document, file):
        ids = [app.id for app in apps]
        if section.id in ids:
            raise document.error(
                (*path, "id"), f"is the id of apps[{ids.index(section.id)}] already", "give every app its own"
            )
        apps.append(_read_app(document, path, section, file.gateway.server_accounts))
    return tuple(apps)


def app_sections(document: Document, file: ConfigFile) -> Iterator[tuple[KeyPath, AppSection]]:
    """Each app's section, with its path. Raises ``ConfigError`` when there is none, or ``app`` and ``apps``."""
    if file.apps is not None:
        if file.app is not None:
            raise document.error(("apps",), "there is app, too", "leave out one of the two")
        yield from ((("apps", index), section) for index, section in enumerate(file.apps))
    elif file.app is not None:
        yield ("app",), file.app
    else:
        raise document.error(("app",), "is missing", "it has the id that clients log in with; for several, write apps")


def _read_app(document: Document, path: KeyPath, section: AppSection, servers: tuple[str, ...]) -> AppCredentials:
    if section.certificate and ":" in section.id:
        raise document.error((*path, "id"), "has a colon, which separates the parts of a token", "leave it out")
    if section.retiring and not section.certificate:
        problem = "is missing, and with a retiring one alone everybody gets in without a token"
        raise document.error((*path, "certificate"), problem, "set the new one")
    return AppCredentials(
        id=section.id,
        certificate=section.certificate,
        retiring=tuple(
            _read_retiring(document, (*path, "retiring", index), retiring)
            for index, retiring in enumerate(section.retiring)
        ),
        allow_no_token=section.allow_no_token,
        accept_v1=section.accept_v1,
        allow_force=section.allow_force,
        server_accounts=(*section.server_accounts, *servers),
    )


def _read_retiring(document: Document, path: KeyPath, section: RetiringSection) -> RetiringCertificate:
    return RetiringCertificate(
        certificate=section.certificate, until=_read_time(document, (*path, "until"), section.until)
    )


def _read_time(document: Document, path: KeyPath, value: int | str) -> int:
    """Seconds since 1970."""
    if isinstance(value, str):
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            raise document.error(path, f"{value!r} is no date and time", _TIME_HINT) from None
        if time.tzinfo is None:
            raise document.error(path, f"{value!r} has no time zone", _TIME_HINT)
        value = int(time.timestamp())
    if not _FIRST_SECOND <= value <= _LAST_SECOND:
        raise document.error(path, f"{value} is no second from 2020 to 9999", _TIME_HINT)
    return value
