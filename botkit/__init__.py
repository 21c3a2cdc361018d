"""Server-side agents for signaling services: the names that a bot is written with."""

from botkit.errors import BotkitError, SignalingError, StoreError
from botkit.stores.sqlite import Database, SqlValue, open_database

__all__ = [
    "BotkitError",
    "Database",
    "SignalingError",
    "SqlValue",
    "StoreError",
    "open_database",
]
