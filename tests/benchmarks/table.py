"""The report: one row for each piece of work, ours beside each peer, and how both stand to the budget."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.benchmarks.clock import Spread

# A measurement, or words for what could not be measured and why.
Found = Spread | float | str | None

PEERS = ("CircuitsVis", "BertViz", "inspectus", "TransformerLens", "SAEDashboard")


@dataclass(frozen=True)
class Row:
    """One piece of work.

    Attributes:
        work: what was done, in words.
        unit: ``"bytes"``, ``"s"``, ``"x"`` (a ratio), ``"frames/s"`` or ``""`` (a count).
        ours: what we took.
        budget: what DESIGN section 8 allows, or None.
        peers: what each peer took, by name.
        more_is_better: for rates.
    """

    work: str
    unit: str
    ours: Found
    budget: float | None = None
    peers: Mapping[str, Found] = field(default_factory=dict)
    more_is_better: bool = False


def number(found: Found) -> float | None:
    """The one number of a measurement."""
    if isinstance(found, Spread):
        return found.median
    return None if isinstance(found, str) else found


def quantity(value: float, unit: str) -> str:
    """A number as people read it: three figures, and a unit that fits its size."""
    if unit == "bytes":
        for size, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
            if value >= size:
                return f"{value / size:.3g} {name}"
        return f"{value:.0f} B"
    if unit == "s":
        return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.3g} s"
    if unit == "x":
        return f"{value:.2f} x"
    return f"{value:,.0f} {unit}".strip()


def cell(found: Found, unit: str) -> str:
    """A measurement with its spread; words stand as they are."""
    if found is None:
        return "–"
    if isinstance(found, str):
        return found.replace("|", "/").replace("\n", " ")
    if not isinstance(found, Spread):
        return quantity(found, unit)
    said = quantity(found.median, unit)
    if len(found.values) > 1 and found.low != found.high:
        said += f" ({quantity(found.low, unit)} to {quantity(found.high, unit)})"
    return said


def to_budget(row: Row) -> str:
    """Ours as a share of the budget, and whether it is met."""
    ours = number(row.ours)
    if row.budget is None or ours is None:
        return "–"
    share = ours / row.budget
    met = share >= 1 if row.more_is_better else share <= 1
    return f"{share:.2f} {'met' if met else '**missed**'}"


def to_best_peer(row: Row) -> str:
    """How many times the best peer needs what we need."""
    ours = number(row.ours)
    known = {name: value for name, found in row.peers.items() if (value := number(found)) is not None}
    if not ours or not known:
        return "–"
    name = min(known, key=lambda peer: known[peer])
    return f"{known[name] / ours:.3g} x ({name})"


def markdown(rows: Iterable[Row], heading: str, words: Iterable[str] = ()) -> str:
    """The whole report."""
    columns = ("work", "ours", "budget", "ours / budget", *PEERS, "best peer / ours")
    lines = [f"## {heading}", "", *words, "", f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    for row in rows:
        budget = "–" if row.budget is None else f"{'≥' if row.more_is_better else '≤'} {quantity(row.budget, row.unit)}"
        peers = [cell(row.peers.get(peer), row.unit) for peer in PEERS]
        cells = (row.work, cell(row.ours, row.unit), budget, to_budget(row), *peers, to_best_peer(row))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
