"""Finds the benchmarks: modules of this folder called ``bench_<id>_<name>``, each with a ``BENCHMARK``."""

import importlib
import re
from collections.abc import Collection
from pathlib import Path

from tests.benchmarks.model import Benchmark


class UnknownBenchmark(Exception):
    """A name that no benchmark has."""


def benchmark_modules() -> list[str]:
    """The names of all modules with a benchmark."""
    return [f"tests.benchmarks.{path.stem}" for path in sorted(Path(__file__).parent.glob("bench_*.py"))]


def find_benchmarks(ids: Collection[str] = ()) -> list[Benchmark]:
    """The benchmarks with these ids, in the order of the table; all of them if none is named.

    Raises ``UnknownBenchmark``.
    """
    known = {found.id: found for found in map(_load, benchmark_modules())}
    wanted = {one.upper() for one in ids}
    if unknown := wanted - known.keys():
        raise UnknownBenchmark(
            f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(sorted(known, key=_order))}"
        )
    return [known[one] for one in sorted(wanted or known, key=_order)]


def _load(module: str) -> Benchmark:
    found = importlib.import_module(module).BENCHMARK
    assert isinstance(found, Benchmark), f"{module}: BENCHMARK is a {type(found).__name__}"
    return found


def _order(id: str) -> tuple[str, int]:
    letters, digits = re.fullmatch(r"([A-Z]+)(\d+)", id).groups()  # type: ignore[union-attr]  # ids are of this form
    return letters, int(digits)
