"""The card of the shipped weights, written from what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .species import CONCEPTS, SPECIES


def write_card(record: dict[str, Any], out: Path) -> None:
    """Write ``README.md`` from a training record (``measures.json``); no number in it is typed."""
    network, vit = record["network"], record["vit"]
    rows = network["rows"]
    lines = [
        f"| {r['prototype']} | {r['class']} | {r['weight']:.2f} | {r['image']} | {r['part']} | {r['on_part']:.2f} "
        f"| {r['on_bird']:.2f} | {r['concept']} | " + " | ".join(f"{r['lost'][name]:.2f}" for name in CONCEPTS) + " |"
        for r in rows
    ]
    species = [f"| {s.name} | {s.head} | {s.wing} | {s.belly} | {s.beak} |" for s in SPECIES]
    used = [r for r in rows if r["weight"] > 0.5]
    (out / "README.md").write_text(
        _CARD.format(
            before=network["accuracy"]["before push"], after=network["accuracy"]["after push"],
            refit=network["accuracy"]["after refit"], shipped=network["shipped"], parameters=network["parameters"],
            prototypes=network["prototypes"], seconds=network["seconds"], epochs=len(network["epochs"]),
            pruned=network["pruned"], train=record["train"][0], test=record["test"][0], seed=record["seed"],
            threads=record["threads"], used=len(used),
            on_bird=sum(r["on_bird"] for r in used) / max(1, len(used)),
            on_part=sum(r["on_part"] for r in used) / max(1, len(used)),
            vit_accuracy=vit["accuracy"], vit_parameters=vit["parameters"], vit_seconds=vit["seconds"],
            vit_epochs=vit["epochs"], rows="\n".join(lines), species="\n".join(species),
        ),
        "utf8",
    )  # fmt: skip


_CARD = """---
license: mit
library_name: transformers
pipeline_tag: image-classification
---
# birdworld

Two small classifiers of drawn birds. The birds come from a renderer, `interpwidgets.worlds.birdworld.draw`, so the
parts, concepts and background of every picture are known. The images do not ship: `birdworld.train_set()` and
`birdworld.test_set()` draw them again, pixel for pixel.

```python
import interpwidgets as iw

birds = iw.load("birdworld")  # PrototypeNetwork: {prototypes} prototypes, each a patch of a training image
vit = iw.load("birdworld/vit")  # vision transformer, Hugging Face format
```

## The three accuracies
On {test} birds that training did not see. *Push* replaces each learnt prototype by the nearest real patch; only then is
"this looks like that" true, and it costs accuracy. *Refit* learns the last layer again.

| before push | after push | after refit | shipped (rounded to float16, pushed and refit again) |
|---|---|---|---|
| {before:.3f} | {after:.3f} | {refit:.3f} | {shipped:.3f} |

{parameters:,} parameters; {train} training birds, {epochs} epochs, {seconds:.0f} seconds by the clock with CPU threads:
{threads}; {pruned} duplicates pruned. One place of its 8 x 8 map stands for 8 x 8 pixels and can see 21 x 21.

## What each prototype sees
*on part*, *on bird*: share of the pixels of its best box, in test birds of its own species, that show that part or any.
*lost*: similarity that is lost at the same place when that concept alone is changed in the drawing and all else stays
(log scale; 9.21 is the most there is). *reads* is the concept with the largest loss.
Over the {used} prototypes with a weight above 0.5: on bird {on_bird:.2f}, on the named part {on_part:.2f}.

| prototype | species | weight | source image | part | on part | on bird | reads | lost: head | wing | belly | beak |
|---|---|---|---|---|---|---|---|---|---|---|---|
{rows}

## Species
Each value belongs to two species or more, and each species has a twin that differs in one concept.

| species | head | wing | belly | beak |
|---|---|---|---|---|
{species}

## The vision transformer
{vit_parameters:,} parameters, 4 layers, 4 heads, 64 patches of 8 x 8 pixels; accuracy on the same birds
**{vit_accuracy:.3f}**; {vit_epochs} epochs, {vit_seconds:.0f} seconds by the clock.

## Training
`python -m interpwidgets.worlds.birdworld.train --seed {seed}`. The data and the first values follow from the seed; the
last bits of the result depend on the processor.

## Limits
Drawings of 64 x 64 pixels, one bird in each, always from the side. Birds of another renderer, and photographs, mean
nothing to these networks.

Licence: MIT, code and weights.
"""
