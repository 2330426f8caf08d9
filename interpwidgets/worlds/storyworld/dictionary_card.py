"""The card of the shipped dictionaries: every number in it comes from the record of their measures."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def write_dictionary_card(measures: dict[str, Any], out: Path) -> None:
    """Write ``README.md`` beside the dictionaries."""
    (out / "README.md").write_text(_CARD.format(**measures, tables=tables(measures)))


def tables(measures: dict[str, Any]) -> str:
    """The two tables: what each dictionary is and does, and how well it recovers each planted factor."""
    rows = measures["dictionaries"]
    learnt = [name for name in rows if not name.startswith("neurons")]
    lines = [_line(name, row) for name, row in rows.items()]
    factors = sorted({factor for row in rows.values() for factor in row["factors"]})
    neurons = [name for name in rows if name not in learnt]
    head = "| factor | " + " | ".join([*learnt, *neurons]) + " | linear read-out, resid_post.2 |"
    linear = rows["resid_post.2"]["linear"]
    body = [
        f"| {factor} | "
        + " | ".join(f"{rows[name]['factors'][factor]:.2f}" for name in [*learnt, *neurons])
        + f" | {linear[factor]:.2f} |"
        for factor in factors
    ]
    rule = "|---" * (len(rows) + 2) + "|"
    return "\n".join([_HEAD, *lines, "", _BETWEEN, "", head, rule, *body])


def _line(name: str, row: dict[str, Any]) -> str:
    site = row["site_in"] if row["site_in"] == row["site_out"] else f"{row['site_in']} to {row['site_out']}"
    return (
        f"| {name} | {row['kind']} | {site} | {row['features']:.0f} | {row['l0']:.1f} | {row['fvu']:.3f} "
        f"| {row['loss_recovered']:.3f} | {row['loss_recovered_from_mean']:.3f} | {row['dead_share']:.1%} "
        f"| {row['labelled_factor']} + {row['labelled_word']} "
        f"| {row['factor_values_detected']} of {row['factor_values']} | {row['factor_values_occluded']} |"
    )


_HEAD = """| name | kind | site | features | L0 | FVU | loss recovered | from mean | dead | labelled: factor + word \
| factor values detected | occluded |
|---|---|---|---|---|---|---|---|---|---|---|---|"""
_BETWEEN = """Mean F1 of the best feature over the values of each factor, on held-out tokens. 1 says that for every
value there is a feature that fires on its tokens and on no others; a factor of many values (scene, person) needs a
feature for each. The last column is what a linear read-out of the activations reaches: where it is high and the
dictionary is low, the dictionary hides what is there."""
_CARD = """# Dictionaries of storyworld

```python
import interpwidgets as iw

lm, sae = iw.load("storyworld"), iw.load_dictionary("storyworld/resid_post.2")
iw.FeatureView(lm.trace("Mary and Tom went to the park. Tom gave the ball to"), sae)
```

Learnt on {stories} stories, measured on {measured_on} others
(`python -m interpwidgets.worlds.storyworld.dictionaries --seed {seed}`); float16 on disk, float32 in memory. A feature
is labelled with the value it detects best where its F1 on held-out tokens is 0.5 or more and 0.1 above always saying
yes; `word=...` means that it detects one word, not a factor. `neurons ...` are the coordinates of the site themselves.

{tables}

FVU: fraction of variance unexplained. Loss recovered: of the loss that setting the site to zero (or to its mean) costs,
the share that the reconstruction saves. A good reconstruction does not validate a dictionary: different features can
reconstruct equally well.

Licence: MIT.
"""
