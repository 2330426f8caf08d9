"""A dictionary's report as plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from interpwidgets.records.dictionary_report import DictionaryReport

WIDTH = 100


def summary(report: DictionaryReport) -> str:
    """Numbers first, what each means beside it, and the reasons for care at the end."""
    place = report.site_in or "no site"
    if report.site_out != report.site_in:
        place += f" -> {report.site_out}"
    left = f", {report.skipped} left out" if report.skipped else ""
    lines = [f"{report.name}: {report.n_features} features at {place} ({report.kind}), {report.tokens} tokens{left}"]
    for title, found in (
        ("Approximation", _lines(_approximation(report))),
        ("Interpretability", _lines(_interpretability(report))),
        ("Control", _control(report)),
        ("Atoms", _lines(_atoms(report))),
    ):
        if found:
            lines += ["", title, *found]
    if report.sum_check is not None:
        word = "holds" if report.sum_check.holds else "FAILS"
        lines += ["", f"check {word}: {report.sum_check.law} (off by {report.sum_check.residual:.1e} nats)"]
    lines += ["", "Read with care"]
    for caveat in report.caveats:
        lines += textwrap.wrap(caveat, WIDTH, initial_indent="  - ", subsequent_indent="    ")
    return "\n".join(lines)


Row = tuple[str, str, str]


def _lines(rows: Iterator[Row]) -> list[str]:
    return [f"  {name:<26} {value:>9}  {note}".rstrip() for name, value, note in rows]


def _approximation(report: DictionaryReport) -> Iterator[Row]:
    low, middle, high = (report.l0_quantile(q) for q in (0.05, 0.5, 0.95))
    yield "active features (L0)", f"{report.l0:.1f}", f"median {middle}, 5 to 95 % of tokens: {low} to {high}"
    yield "variance unexplained", f"{report.fvu:.4f}", "0 is perfect, 1 no better than the mean"
    yield "cosine", f"{report.cosine:.4f}", ""
    yield "norm ratio", f"{report.norm_ratio:.4f}", "below 1: shrunk"
    dead = int((report.density == 0).sum())
    yield "dead features", f"{report.dead_share:.1%}", f"{dead} never fired on these tokens"
    dense = int((report.density > 0.1).sum())
    yield "dense features", f"{dense / report.n_features:.1%}", f"{dense} fire on more than a tenth of the tokens"
    if report.losses:
        loss = report.losses
        yield "loss, plain", f"{loss['plain']:.4f}", f"nats a token, over {report.predictions} next tokens"
        yield "loss, spliced", f"{loss['spliced']:.4f}", f"+{loss['spliced'] - loss['plain']:.4f} nats"
        yield "loss, mean / zero ablated", f"{loss['mean']:.4f}", f"zero ablated {loss['zero']:.4f}"
        yield (
            "loss recovered", f"{report.loss_recovered:.4f}",
            f"beside zero ablation; {report.loss_recovered_from_mean:.4f} beside mean ablation",
        )  # fmt: skip


def _interpretability(report: DictionaryReport) -> Iterator[Row]:
    found = report.detections
    if found is None:
        return
    deep = [name for name in found.attributes if not name.startswith("word=")]
    missed = set(found.missed())
    seen = [name for name in deep if name not in missed]
    best = found.best_f1[[found.attributes.index(name) for name in deep]]
    where = "held-out tokens" if found.held_out else "the tokens chosen on"
    yield "values with a detector", f"{len(seen)}/{len(deep)}", f"a feature of F1 >= 0.5 on {found.tokens} {where}"
    if len(best):
        yield "mean best F1", f"{np.nan_to_num(best).mean():.3f}", "over values, the best feature of each"
    if report.supervised_f1:
        reached = [report.supervised_f1[name] for name in deep if name in report.supervised_f1]
        yield "  linear read-out", f"{np.mean(reached):.3f}", "the same mean, supervised"
        hidden = [name for name in report.occluded if name in deep]
        yield "occluded values", str(len(hidden)), f"only a read-out: {_few(hidden)}" if hidden else ""
    named = found.detects()
    words = sum(found.attributes[a].startswith("word=") for a in found.attribute[named])
    yield "features with a value", f"{named.mean():.1%}", f"{int(named.sum())}, of which {words} are about one word"
    split = [f"{name} ({n})" for name, n in found.split().items() if name in deep]
    yield "values shared by features", str(len(split)), f"over-split: {_few(split)}" if split else ""


def _control(report: DictionaryReport) -> list[str]:
    """A line for each attribute: answers that follow, by features edited, and beside rivals."""
    if not report.control:
        return []
    budgets = report.control[0].budgets
    lines = [
        "  share of answers that become the counterfactual's, by how many features are edited at a position",
        f"  {'attribute':<16}{'pairs':>6} |{''.join(f'{k:>6}' for k in budgets)} |{'random':>8}{'supervised':>12}"
        f"{'all of x':>10}{'kept':>7}",
    ]
    for one in report.control:
        steps = "".join(f"{value:>6.2f}" for value in one.success)
        name = one.attribute if len(one.attribute) < 16 else one.attribute[:14] + "…"
        chance = max(one.random, default=float("nan"))
        lines.append(
            f"  {name:<16}{one.known:>6} |{steps} |{chance:>8.2f}{one.supervised:>7.2f} of{one.supervised_pairs:>3}"
            f"{one.ceiling:>9.2f}{one.approximation:>7.2f}"
        )
    note = (
        "random: as many random directions, at best; supervised: one code for another; all of x: the whole activation "
        "exchanged; kept: share of the logit difference that the reconstruction keeps"
    )
    return lines + textwrap.wrap(note, WIDTH, initial_indent="  ", subsequent_indent="  ")


def _atoms(report: DictionaryReport) -> Iterator[Row]:
    for atoms in (report.atoms, report.identity):
        if atoms is not None:
            yield (
                atoms.name, f"{atoms.unique_share:.1%}",
                f"of codes unique (L0 below {atoms.unique_below:.2f}), coherence {atoms.coherence:.3f}, "
                f"R2 {atoms.r2:.4f}",
            )  # fmt: skip


def _few(names: list[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
