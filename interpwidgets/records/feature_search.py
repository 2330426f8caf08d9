"""The table of an index and the search over it, in SQLite."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from interpwidgets.errors import InputError

OWN = ("density", "max", "mean", "level")  # columns that the index itself makes
PLACES = ("label", "fires", "promotes")
SEPARATOR = "\x1f"  # between the tokens of a list, which may hold any other character


class FeatureSearch:
    """One row for each feature: numbers, a label, tokens it fires on and tokens it promotes.

    Args:
        path: of the SQLite file.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise sqlite3.DatabaseError(f"no {path.name}")
        # A kernel answers its page from other threads than the one that made the widget; they take turns.
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._lock = threading.RLock()
        self._count = int(self._db.execute("SELECT count(*) FROM feature").fetchone()[0])
        self._cache: dict[str, np.ndarray] = {}

    @staticmethod
    def create(
        path: Path,
        *,
        columns: Mapping[str, np.ndarray],
        labels: Sequence[str],
        fires: Sequence[Sequence[str]],
        promotes: Sequence[Sequence[str]],
    ) -> None:
        """Write the file anew; what stood there is gone."""
        path.unlink(missing_ok=True)
        db = sqlite3.connect(path)
        with db:
            db.execute("CREATE TABLE feature (id INTEGER PRIMARY KEY, label TEXT, fires TEXT, promotes TEXT)")
            db.execute("CREATE TABLE numbers (name TEXT PRIMARY KEY, place INTEGER, numbers BLOB)")
            db.execute('CREATE VIRTUAL TABLE words USING fts5(label, fires, promotes, tokenize="unicode61")')
            rows = [(i, labels[i], SEPARATOR.join(fires[i]), SEPARATOR.join(promotes[i])) for i in range(len(labels))]
            db.executemany("INSERT INTO feature VALUES (?, ?, ?, ?)", rows)
            spoken = [(i, label, *(t.replace(SEPARATOR, " ") for t in texts)) for i, label, *texts in rows]
            db.executemany("INSERT INTO words (rowid, label, fires, promotes) VALUES (?, ?, ?, ?)", spoken)
            for place, (name, values) in enumerate(columns.items()):
                db.execute("INSERT INTO numbers VALUES (?, ?, ?)", (name, place, np.float32(values).tobytes()))
        db.close()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @property
    def columns(self) -> list[str]:
        """Names of the columns, the index's own first."""
        return [name for (name,) in self._rows("SELECT name FROM numbers ORDER BY place")]

    def column(self, name: str) -> np.ndarray:
        """``[feature]`` float32."""
        if name not in self._cache:
            found = self._rows("SELECT numbers FROM numbers WHERE name = ?", name)
            if not found:
                raise InputError(
                    expected=f"a column out of {', '.join(self.columns)}",
                    got=repr(name),
                    fix="Choose one of these, or add it with index.add_column(name, values).",
                )
            self._cache[name] = np.frombuffer(found[0][0], np.float32)
        return self._cache[name]

    def row(self, feature: int) -> dict[str, float]:
        """Every number of one feature."""
        return {name: float(self.column(name)[feature]) for name in self.columns}

    def add_column(self, name: str, values: Sequence[float] | np.ndarray) -> None:
        """Add or replace a column of the user's."""
        if not isinstance(name, str) or not name.strip() or name in (*OWN, "feature"):
            raise InputError(
                expected="a name of your own for the column", got=repr(name), fix=f"Not one of {', '.join(OWN)}."
            )
        try:
            numbers = np.asarray(values, np.float32)
        except (TypeError, ValueError):
            numbers = np.zeros(0, np.float32)
        if numbers.shape != (self._count,):
            raise InputError(
                expected=f"{self._count} numbers, one for each feature",
                got=f"shape {list(np.shape(values))} of {type(values).__name__}",
                fix="Use NaN where a feature has none.",
            )
        place = len(self.columns)
        self._write(
            "INSERT INTO numbers VALUES (?, ?, ?) ON CONFLICT(name) DO UPDATE SET numbers = excluded.numbers",
            (name, place, numbers.tobytes()),
        )
        self._cache.pop(name, None)

    def labels(self) -> list[str]:
        """``[feature]``."""
        return [label for (label,) in self._rows("SELECT label FROM feature ORDER BY id")]

    def label(self, feature: int) -> str:
        """Of one feature."""
        return self._rows("SELECT label FROM feature WHERE id = ?", feature)[0][0]

    def set_label(self, feature: int, text: str) -> None:
        """Of one feature."""
        if not isinstance(text, str):
            raise InputError(expected="a label as text", got=type(text).__name__, fix='Pass "" to take it away.')
        self._write("UPDATE feature SET label = ? WHERE id = ?", (text, feature))
        self._write("UPDATE words SET label = ? WHERE rowid = ?", (text, feature))

    def words(self, feature: int, place: str) -> list[str]:
        """Tokens it ``fires`` on or ``promotes``."""
        assert place in PLACES
        text = self._rows(f"SELECT {place} FROM feature WHERE id = ?", feature)[0][0]
        return text.split(SEPARATOR) if text else []

    def search(
        self,
        query: str,
        *,
        sort: str,
        descending: bool,
        filters: Mapping[str, Sequence[float]],
        among: Sequence[int] | None,
    ) -> np.ndarray:
        """See `FeatureIndex.search`."""
        keep = np.ones(self._count, bool)
        if among is not None:
            chosen = np.asarray(among, np.int64).reshape(-1)
            keep &= np.isin(np.arange(self._count), chosen)
        for name, given in filters.items():
            low, high = _range(name, given)
            values = self.column(name)
            keep &= (values >= low) & (values <= high)
        if query.strip():
            keep &= self._said(query)
        found = np.flatnonzero(keep)
        if sort == "feature":
            return found[::-1] if descending else found
        values = self.column(sort)[found].astype(np.float64)
        values = np.where(np.isnan(values), np.inf, -values if descending else values)
        return found[np.argsort(values, kind="stable")]

    def _said(self, query: str) -> np.ndarray:
        """Features in which every word of a query is found."""
        keep = np.ones(self._count, bool)
        for place, word in re.findall(r"(?:(label|fires|promotes):)?(\S+)", query):
            here = np.zeros(self._count, bool)
            parts = re.findall(r"\w+", word)
            if parts:
                # Quoted, so that nothing a user types is an operator; the last part may be the start of a word.
                match = " ".join(f'"{part}"' for part in parts) + "*"
                match = f"{{{place or ' '.join(PLACES)}}} : {match}"
                ids = [i for (i,) in self._rows("SELECT rowid FROM words WHERE words MATCH ?", match)]
                here[ids] = True
            else:
                # Punctuation is no word to the search: looked for as it is.
                columns = [place] if place else PLACES
                where = " OR ".join(f"instr({name}, ?1) > 0" for name in columns)
                here[[i for (i,) in self._rows(f"SELECT id FROM feature WHERE {where}", word)]] = True
            if word.isdecimal() and not place and int(word) < self._count:
                here[int(word)] = True
            keep &= here
        return keep

    def _rows(self, sql: str, *values: object) -> list[tuple]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def _write(self, sql: str, values: tuple) -> None:
        try:
            with self._lock, self._db:
                self._db.execute(sql, values)
        except sqlite3.OperationalError as error:
            raise InputError(
                expected="an index that can be written",
                got=str(error),
                fix="Copy its folder to a place of your own; nothing else was changed.",
            ) from None


def _range(name: str, given: Sequence[float]) -> tuple[float, float]:
    try:
        low, high = (float(value) for value in given)
    except (TypeError, ValueError):
        low, high = float("nan"), float("nan")
    if not low <= high:
        raise InputError(
            expected=f"a range of {name} as (low, high)", got=repr(given), fix="Use infinities for open ends."
        )
    return low, high
