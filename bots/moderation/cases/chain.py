"""The audit log's chain: each record's hash covers the record and the hash before it. Pure."""

from collections.abc import Iterable
from hashlib import sha256

import msgspec
from msgspec import Struct

FIRST = ""
"""The hash before the first record."""


class Record(Struct, frozen=True, kw_only=True):
    """One line of the audit log. ``body`` is JSON; ``case`` is 0 where it is about none."""

    n: int
    ms: int
    kind: str
    case: int
    body: str
    prev: str
    hash: str

    def expected_hash(self) -> str:
        """What its hash has to be, if nothing in it was changed."""
        return hash_of(self.prev, self.n, ms=self.ms, kind=self.kind, case=self.case, body=self.body)


class Broken(Struct, frozen=True):
    """The first record that is not what was written, and what is wrong with it."""

    n: int
    problem: str


def hash_of(prev: str, n: int, *, ms: int, kind: str, case: int, body: str) -> str:
    """The hash of a record: SHA-256 over all of it, as hex digits."""
    return sha256(msgspec.json.encode([prev, n, ms, kind, case, body])).hexdigest()


def link(prev: str, n: int, *, ms: int, kind: str, case: int, body: str) -> Record:
    """The record that comes behind the one whose hash is ``prev``."""
    own = hash_of(prev, n, ms=ms, kind=kind, case=case, body=body)
    return Record(n=n, ms=ms, kind=kind, case=case, body=body, prev=prev, hash=own)


def verify(records: Iterable[Record], *, after: int = 0, prev: str = FIRST) -> Broken | None:
    """The first record that was changed, put in, or is missing; None when all are as they were written.

    ``after`` and ``prev`` are the number and hash of the record before the first of these. Records that were cut off
    at the end leave no trace here: compare the newest hash with one that is kept elsewhere.
    """
    for record in records:
        if record.n != after + 1:
            return Broken(after + 1, f"is missing: the next one is {record.n}")
        if record.prev != prev:
            return Broken(record.n, "does not follow the record before it, of which it has another hash")
        if record.hash != record.expected_hash():
            return Broken(record.n, "was changed: its hash does not fit what it says")
        after, prev = record.n, record.hash
    return None
