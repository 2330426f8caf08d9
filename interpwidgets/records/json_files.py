"""JSON from strangers: read with limits, and looked at key by key."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from interpwidgets.errors import InputError

MOST_BYTES = 2**30  # of one file, unpacked
ENDINGS = (".json", ".jsonl", ".json.gz", ".jsonl.gz")
FIX = "Export the file again, or leave it out."


def read_rows(path: Path) -> Iterator[tuple[str, Any]]:
    """Every object of a file or of a folder's files, with its place in words; a list is taken apart.

    Raises:
        InputError: no such file, none in the folder, too large a file, or one that is no JSON.
    """
    files = [path]
    if path.is_dir():
        files = sorted((f for f in path.iterdir() if f.name.endswith(ENDINGS)), key=lambda f: _natural(f.name))
    if not files or not files[0].is_file():
        raise InputError(
            expected=f"a file or a folder of files {', '.join(ENDINGS)}",
            got=f"none in {path}" if path.is_dir() else f"no file {path}",
            fix="Check the path.",
        )
    for file in files:
        text = _text(file)
        if ".jsonl" in file.name:
            for number, line in enumerate(text.split("\n"), 1):
                if line.strip():
                    yield f"{file.name}, line {number}", _parsed(line, f"{file.name}, line {number}")
            continue
        whole = _parsed(text, file.name)
        if isinstance(whole, list):
            yield from ((f"{file.name}, entry {i}", row) for i, row in enumerate(whole))
        else:
            yield file.name, whole


def _natural(name: str) -> list[Any]:
    """batch-2 before batch-10."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def _text(file: Path) -> str:
    try:
        with gzip.open(file, "rb") if file.name.endswith(".gz") else file.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES:,} bytes")
        return data.decode("utf8")
    except (OSError, EOFError, ValueError) as error:
        raise InputError(
            expected=f"text in UTF-8 in {file.name}", got=f"{type(error).__name__}: {str(error)[:100]}", fix=FIX
        ) from None


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InputError(expected=f"JSON in {where}", got=str(error)[:100] or type(error).__name__, fix=FIX) from None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant}, which is no JSON and no finite number")


class Checked:
    """A JSON object whose entries are handed out only where they are what they should be.

    Args:
        row: the object.
        where: its place in words, for messages.

    Raises:
        InputError: in every method, for an entry of another kind; and where ``row`` is no object.
    """

    def __init__(self, row: Any, where: str) -> None:
        self.where = where
        if not isinstance(row, Mapping):
            raise InputError(expected=f"a JSON object in {where}", got=type(row).__name__, fix=FIX)
        self.row = row

    def wrong(self, name: str, expected: str, got: str) -> InputError:
        """The error for an entry."""
        return InputError(expected=f"{name!r} of {self.where} as {expected}", got=got, fix=FIX)

    def has(self, name: str) -> bool:
        """Whether there is such an entry that says something."""
        return self.row.get(name) is not None

    def word(self, name: str) -> str | None:
        """A text, or a number as text; None where there is none."""
        given = self.row.get(name)
        if given is None:
            return None
        if isinstance(given, bool) or not isinstance(given, str | int | float):
            raise self.wrong(name, "a text", type(given).__name__)
        return _well_formed(str(given))

    def whole(self, name: str, *, least: int = 0, most: int = 2**53, default: int | None = None) -> int:
        """A whole number, also written as text."""
        given = self.row.get(name)
        if given is None and default is not None:
            return default
        if isinstance(given, str) and given.isascii() and given.isdecimal() and len(given) < 20:
            given = int(given)
        if isinstance(given, float) and given.is_integer():
            given = int(given)
        if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
            raise self.wrong(name, f"a whole number from {least} to {most}", _short(given))
        return given

    def number(self, name: str, *, default: float) -> float:
        """A finite number."""
        given = self.row.get(name)
        if given is None:
            return default
        if isinstance(given, bool) or not isinstance(given, int | float) or not abs(given) < 1e30:
            raise self.wrong(name, "a finite number", _short(given))
        return float(given)

    def numbers(self, name: str, *, most: int, count: int | None = None) -> np.ndarray:
        """A list of finite numbers as float64; empty where there is none."""
        given = self._list(name, most, count)
        if any(isinstance(x, bool) or not isinstance(x, int | float) or not abs(x) < 1e30 for x in given):
            bad = next(x for x in given if isinstance(x, bool) or not isinstance(x, int | float) or not abs(x) < 1e30)
            raise self.wrong(name, "a list of finite numbers", f"{_short(bad)} among them")
        return np.array(given, np.float64)

    def words(self, name: str, *, most: int) -> list[str]:
        """A list of texts."""
        given = self._list(name, most, None)
        bad = next((x for x in given if not isinstance(x, str)), None)
        if bad is not None or any(x is None for x in given):
            raise self.wrong(name, "a list of texts", f"{_short(bad)} among them")
        return [_well_formed(x) for x in given]

    def items(self, name: str, *, most: int) -> list[Any]:
        """A list of anything."""
        return self._list(name, most, None)

    def _list(self, name: str, most: int, count: int | None) -> list[Any]:
        given = self.row.get(name)
        if given is None:
            given = []
        if not isinstance(given, list):
            raise self.wrong(name, "a list", type(given).__name__)
        if len(given) > most:
            raise self.wrong(name, f"a list of at most {most:,} entries", f"{len(given):,}")
        if count is not None and len(given) != count:
            raise self.wrong(name, f"a list of {count} entries, one for each of its partner's", f"{len(given)}")
        return given


def _short(given: Any) -> str:
    return repr(given)[:60] if isinstance(given, str | int | float | bool) or given is None else type(given).__name__


def _well_formed(text: str) -> str:
    """Broken JSON makes lone surrogates, which no database and no page takes."""
    return text.encode("utf8", "replace").decode("utf8")
