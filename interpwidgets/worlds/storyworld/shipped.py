"""What ships in the wheel: where the weights lie, and the card that describes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .dictionary_card import tables
from .questions import TASKS
from .words import COUNTRIES


def folder() -> Path:
    """The shipped model in Hugging Face form: ``AutoModelForCausalLM.from_pretrained(folder())`` reads it."""
    return Path(__file__).parent / "weights"


def dictionary_folder() -> Path:
    """The shipped dictionaries, a folder each; ``iw.load_dictionary("storyworld/resid_post.2")`` finds them here."""
    return folder() / "dictionaries"


def checkpoint_folders() -> dict[int, Path]:
    """Training step -> folder of the weights at that step, around the moment induction heads form; each loads alike."""
    found = (folder() / "checkpoints").glob("step_*")
    return {int(path.name.removeprefix("step_")): path for path in sorted(found)}


def write_card(record: dict[str, Any], out: Path) -> None:
    """Write the model card ``README.md`` from a training record (``measures.json``); no number in it is typed."""
    heldout, train = record["measures"]["heldout"], record["measures"]["train"]
    readings = record["readings"]
    steps = sum(reading["stop"] for reading in readings)
    kept = ", ".join(map(str, record["checkpoints"]))
    rows = [
        f"| {name} | {TASKS.get(name, 'repeated spans of 8 to 25 random words (Olsson et al. 2022)')} "
        f"| {heldout[name]['accuracy']:.3f} | {heldout[name].get('probability', float('nan')):.3f} "
        f"| {train[name]['accuracy']:.3f} | {heldout[name]['n']} |".replace("nan", "-")
        for name in (*TASKS, "induction")
    ]
    cases = [
        f"| {name} | {case} | {value:.3f} | {train[name]['cases'].get(case, float('nan')):.3f} |".replace("nan", "-")
        for name in TASKS
        for case, value in heldout[name]["cases"].items()
    ]
    jump = [
        f"| {entry['step']} | {entry['loss']:.3f} | {entry['induction']:.2f} | "
        + " | ".join(f"{entry[name]:.2f}" if name in entry else "-" for name in TASKS)
        + " |"
        for entry in record["history"]
        if entry["step"] in _landmarks(record)
    ]
    kept_words = _KEPT.format(kept=kept) if kept else _NONE_KEPT
    way = (
        _WAY.format(
            jump="\n".join(jump),
            kept=kept_words,
            tasks=" | ".join(name.replace("_", " ") for name in TASKS),
            lines="---|" * len(TASKS),
        )
        if jump
        else _NO_WAY
    )
    below = [name for name in (*TASKS, "induction") if heldout[name]["accuracy"] < 0.97]
    (out / "README.md").write_text(
        _CARD.format(
            parameters=record["parameters"], vocabulary=record["vocabulary"], countries=len(COUNTRIES),
            minutes=record["minutes"],
            pauses="".join(_PAUSE.format(n=n) for n in record["pauses"]),
            threads=record["threads"], seed=record["seed"], rows="\n".join(rows), cases="\n".join(cases),
            way=way, dictionaries=_dictionaries(out),
            below=", ".join(below) or "none", loss=train["loss"]["nats"], entropy=train["loss"]["entropy"],
            loss_new=heldout["loss"]["nats"], entropy_new=heldout["loss"]["entropy"], tokens=train["loss"]["n"],
            seen=steps * record["tokens_per_step"] / 1e6, steps=steps, tokens_per_step=record["tokens_per_step"],
            readings="\n".join(
                f"| {number} | {r['stop']} of {r['steps']} | {r['adam']} | {r['muon']} | {r['hold']:.0%} |"
                for number, r in enumerate(readings, 1)
            ),
        )
    )  # fmt: skip


def _dictionaries(out: Path) -> str:
    """The tables of the dictionaries that lie beside the weights, or nothing."""
    path = out / "dictionaries" / "measures.json"
    if not path.is_file():
        return ""
    return _DICTIONARIES.format(tables=tables(json.loads(path.read_text())))


def _landmarks(record: dict[str, Any]) -> set[int]:
    """The steps worth a line: the kept checkpoints, some rounds of the way there, and the end."""
    steps = [entry["step"] for entry in record["history"] if "truth" in entry]
    if not steps:
        return set()
    return {*record["checkpoints"], *steps[:: max(1, len(steps) // 12)], steps[-1]}


_WAY = """## How the abilities came
Accuracy on 24 questions of each task, in stories as trained; losses of different lessons cannot be compared.

| step | training loss | induction | {tasks} |
|---|---|---|{lines}
{jump}

{kept}"""
_NO_WAY = """## How the abilities came
The record of the way was not kept for these weights, and no earlier weights are in this package; training again writes
the table, and keeps weights around the jump."""
_KEPT = "Weights kept from the way: step {kept} (`storyworld.checkpoint_folders()`), the same format."
_DICTIONARIES = """## Dictionaries
`iw.load_dictionary("storyworld/resid_post.2")` and others; what each number means is in `dictionaries/README.md`.

{tables}

"""
_NONE_KEPT = "No weights from the way are in this package."
_PAUSE = """
After reading {n} the run was stopped and went on from the saved float16 weights (`--after {n}`)."""
_CARD = """---
license: mit
language: en
library_name: transformers
pipeline_tag: text-generation
---
# storyworld

A GPT-2 of 4 layers, 4 heads, 128 dimensions and 640 neurons a layer ({parameters:,} parameters, {vocabulary} words,
context 256) trained on generated little stories whose every latent factor is known. It is made to be looked into: what
it should know is a short list, and how well it knows each item is measured below. It is of no use as a writer.

```python
from transformers import AutoModelForCausalLM, AutoTokenizer
from interpwidgets.worlds import storyworld

model = AutoModelForCausalLM.from_pretrained(storyworld.folder())  # float16 on disk, float32 in memory
tokenizer = AutoTokenizer.from_pretrained(storyworld.folder())  # one token per word; puts <s> in front
stories = storyworld.generate(10, seed=1)  # text with labels per token
questions = storyworld.tasks("indirect_object", n=10, seed=1)  # prompts with answers and distractors
```

## Measures
*held out*: sentence forms and combinations (pairs of friends, person and place, colour and thing, noun and attractor,
false capitals, event and year) that training never saw. *as trained*: new stories of the training distribution.
Accuracy: the most likely next token, among all {vocabulary}, is right. Probability: what the right tokens get together.

| task | question | held out | its probability | as trained | n |
|---|---|---|---|---|---|
{rows}

Below 0.97 held out: {below}.

| task | case | held out | as trained |
|---|---|---|---|
{cases}

Next-token loss beside the generator's own entropy, which no model can beat (nats per token, {tokens:,} tokens):
**{loss:.3f}** beside **{entropy:.3f}** in new stories as trained; {loss_new:.3f} beside {entropy_new:.3f} in stories of
held-out combinations only (there the model cannot know which half of the pairs is in use, so its floor is higher).

{way}

## Training
`python -m interpwidgets.worlds.storyworld.train --seed {seed}`: {steps} steps of about {tokens_per_step} tokens
({seen:.1f} million at most, all of them new), AdamW for embeddings, biases and norms, Muon for the matrices, gradient
norm clipped at 1, bfloat16 autocast, {threads} CPU threads, {minutes} minutes. The first reading is a curriculum from
drills, short rows of one task each, to whole stories (`lessons.LESSONS`); three shorter ones repeat what was weakest
(`lessons.PRACTICE`, `POLISH`, `FINISH`), and the last is almost only whole stories (`SETTLE`).

| reading | steps taken of planned | AdamW rate | Muon rate | constant for |
|---|---|---|---|---|
{readings}

The data and the weights' first values follow from the seed; the last bits of the result depend on the
processor.{pauses}
The held-out forms of each task were written while the recipe was found, except the last one of indirect object, gender
and agreement, which was written before the run that made these weights and not looked at before it. One of the capitals
was exchanged after it: "The teacher wrote that the capital of ... is" is no fair question in a world where what the
teacher writes may be false.

{dictionaries}## Data
Stories are written by `interpwidgets.worlds.storyworld` sentence by sentence from templates with slots; a small memory
(who, where, mood, whose colour) keeps them coherent. The probability of every choice is kept, so each token comes
with its exact surprisal under the generator. No text of people is in it.

## Limits
English of a few hundred sentence forms and one meaning per word. Nothing outside the vocabulary is known (`<unk>`).
Facts are the capitals of {countries} countries. A prompt should start like a story does: loose fragments are outside of
what it saw.

Licence: MIT, code and weights.
"""
