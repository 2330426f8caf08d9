"""The truth about a dictionary: how well it stands for the activations, on every axis that is known to matter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from interpwidgets.analyses.atoms import atom_report
from interpwidgets.analyses.control import control as edit_control
from interpwidgets.analyses.corpus import Corpus, special_ids
from interpwidgets.analyses.detections import detections
from interpwidgets.analyses.dictionary_measures import Running, batches, looks_ahead, losses_of, next_token_loss, ways
from interpwidgets.analyses.readout import readout_f1
from interpwidgets.analyses.splice import sites_of, splice
from interpwidgets.dictionaries import SparseCodes
from interpwidgets.dictionaries.protocol import Dictionary
from interpwidgets.errors import InputError
from interpwidgets.records import SumCheck
from interpwidgets.records.atom_report import AtomReport
from interpwidgets.records.caveats import CAVEATS
from interpwidgets.records.dictionary_report import DictionaryReport

if TYPE_CHECKING:
    from interpwidgets.models import Model

# Activations kept for probes at most: 256 MB of float32.
KEEP = 2**26


def evaluate_dictionary(
    dictionary: Dictionary,
    lm: Model | None = None,
    corpus: Any = None,
    *,
    activations: torch.Tensor | None = None,
    targets: torch.Tensor | None = None,
    probes: Mapping[str, Any] | None = None,
    pairs: Iterable[Any] = (),
    atoms: bool = True,
    special: bool = False,
    batch_tokens: int = 2048,
    probe_tokens: int = 100_000,
    progress: bool = True,
) -> DictionaryReport:
    """Measure any dictionary: reconstruction, sparsity, loss, detectors, control, geometry, with what to doubt.

    The plain measures are those of the literature (Bricken et al. 2023; Gao et al. 2024); approximation, control and
    interpretability are the three axes of Makelov et al. 2024 ("Towards Principled Evaluations of Sparse Autoencoders
    for Interpretability and Control"). Give a model and a corpus, or activations alone (then without losses).

    Args:
        dictionary: any kind; with ``site_in`` set where a model is given.
        lm: the model it was made for.
        corpus: texts or ids, whatever `Corpus` reads; a second pass splices, so an iterator is read into memory.
        activations: instead of a corpus, [..., token, d_in].
        targets: for a transcoder, what it should write [..., token, d_out].
        probes: value name -> truth for every token of the corpus in its order ``[token]``, special tokens included;
            ``storyworld.attributes(stories)``. Every other block of tokens is held out for the scores.
        pairs: prompts with counterfactuals, ``storyworld.pairs(...)``, of one attribute or several; needs ``lm``.
        atoms: also compare every direction with every other, which takes a while for very wide dictionaries.
        special: measure tokens that stand for no text too, such as ``<s>``; by default they are neither measured nor
            spliced, as their activations are unlike all others.
        batch_tokens: tokens of one forward pass.
        probe_tokens: of how many tokens to keep codes for the probes.
        progress: show a bar.

    Losses need a model that predicts the next token; where later tokens change what is said at earlier ones (BERT),
    there are none.

    Raises:
        InputError: neither corpus nor activations, or both; another width; probes of another length; no tokens.
    """
    _check(dictionary, lm, corpus, activations, pairs := list(pairs))
    running = Running(dictionary, min(probe_tokens, max(1, KEEP // dictionary.d_in)) if probes else 0)
    about: dict[str, Any] = {}
    with torch.no_grad():
        if activations is not None:
            _from_activations(running, activations, targets)
        else:
            assert lm is not None
            about |= _from_corpus(running, lm, corpus, special, batch_tokens, progress)
        if not running.tokens:
            raise InputError(
                expected="at least one token to measure",
                got=f"none; {running.skipped} stood for no text or were not finite",
                fix="Give more text, or special=True.",
            )
        measures = running.measures()
        if probes is not None:
            about |= _probed(running, probes)
        if pairs:
            assert lm is not None
            by_attribute: dict[str, list[Any]] = {}
            for pair in pairs:
                by_attribute.setdefault(str(getattr(pair, "attribute", "")), []).append(pair)
            about["control"] = tuple(edit_control(dictionary, lm, group) for group in by_attribute.values())
        if atoms and dictionary.n_features > 1:
            counts = measures["l0_counts"]
            about["atoms"] = atom_report(dictionary.directions, counts, r2=1 - running.fvu, name=dictionary.name)
            if dictionary.d_out > 1:
                about["identity"] = _basis(dictionary.d_out, running.tokens)
    said = ["always", *(key for key in CAVEATS if about.get(key))]
    return DictionaryReport(
        dictionary.name, dictionary.kind, dictionary.site_in, dictionary.site_out, dictionary.n_features,
        **measures, **about, caveats=tuple(caveat for key in said for caveat in CAVEATS[key]),
    )  # fmt: skip


def _basis(width: int, tokens: int) -> AtomReport:
    """The coordinates themselves: all of them active on every token, and nothing lost."""
    counts = np.zeros(width + 1, np.int64)
    counts[-1] = tokens
    return atom_report(torch.eye(width), counts, r2=1.0, name="the basis itself")


def _check(dictionary: Any, lm: Any, corpus: Any, activations: Any, pairs: list[Any]) -> None:
    if not isinstance(dictionary, Dictionary):
        raise InputError(
            expected="a dictionary", got=type(dictionary).__name__, fix="Load one: iw.load_dictionary(...)."
        )
    if (corpus is None) == (activations is None) or (corpus is not None and lm is None):
        raise InputError(
            expected="a model and a corpus, or activations",
            got="both" if activations is not None and corpus is not None else "a corpus alone" if corpus else "neither",
            fix="Write evaluate_dictionary(dictionary, lm, texts), or activations=trace[dictionary.site_in].",
        )
    if pairs and lm is None:
        raise InputError(expected="a model for the pairs", got="none", fix="Pass lm.")
    if lm is not None:
        sites_of(lm, dictionary)


def _from_activations(running: Running, x: Any, targets: Any) -> None:
    dictionary = running.dictionary
    if dictionary.site_out != dictionary.site_in and targets is None:
        raise InputError(
            expected=f"targets too, as {dictionary.name} writes {dictionary.site_out}",
            got="activations alone",
            fix="Pass targets=trace[dictionary.site_out].",
        )
    rows = dictionary._read(x).flatten(0, -2)
    wanted = rows if targets is None else torch.as_tensor(targets).flatten(0, -2)
    if wanted.shape != (len(rows), dictionary.d_out):
        raise InputError(
            expected=f"targets of shape [{len(rows)}, {dictionary.d_out}]",
            got=str(list(wanted.shape)),
            fix="Pass activations of the same tokens at the site it writes.",
        )
    running.add(rows, wanted)


def _from_corpus(
    running: Running, lm: Model, corpus: Any, special: bool, tokens: int, progress: bool
) -> dict[str, Any]:
    """Two passes: activations with the plain loss, then the losses of the other ways to run."""
    from tqdm.auto import tqdm

    here, there = sites_of(lm, running.dictionary)
    rows = [window.ids for window in Corpus(lm, corpus).windows()]
    none = special_ids(lm)
    long = next((row for row in rows if len(row) > 1), None)
    predicts = lm.d_vocab and long is not None and not looks_ahead(lm, torch.tensor([long]))
    losses: dict[str, float] = dict.fromkeys(("plain", "spliced", "zero", "mean"), 0.0) if predicts else {}
    sites = [here, there, "logits"] if losses else [here, there]
    predictions = 0
    check: SumCheck | None = None
    bar = tqdm(
        total=sum(map(len, rows)) * (4 if losses else 1),
        desc=running.dictionary.name,
        disable=not progress,
        unit="token",
    )
    with bar:
        for block in _blocks(rows, tokens):
            found: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
            for chosen, ids in batches(block, tokens):
                _, kept = lm.run(ids, sites=sites)
                read, write = kept[lm.site(here)], kept[lm.site(there)]
                found |= {row: (read[i], write[i]) for i, row in enumerate(chosen)}
                if losses and ids.shape[1] > 1:
                    nats = losses_of(kept[lm.site("logits")], ids)
                    losses["plain"] += float(nats.double().sum())
                    predictions += nats.numel()
                    check = check or _splice_check(lm, running.dictionary, ids, nats)
                bar.update(ids.numel())
            ids = torch.tensor([i for row in block for i in row])
            # In the order of the corpus, so that probes fall on their tokens.
            x, target = (torch.cat([found[i][side] for i in range(len(block))]) for side in (0, 1))
            running.add(x, target, None if special else ~torch.isin(ids, none))
        if not predictions:
            return {}
        for name, way in ways(lm, running.dictionary, there, running.mean).items():
            for block in _blocks(rows, tokens):
                for _, ids in batches(block, tokens):
                    mask = torch.ones_like(ids, dtype=torch.bool) if special else ~torch.isin(ids, none)
                    if ids.shape[1] > 1:
                        losses[name] += float(next_token_loss(lm, ids, way(mask)).double().sum())
                    bar.update(ids.numel())
    means = {name: total / predictions for name, total in losses.items()}
    return {"losses": means, "predictions": predictions, "sum_check": check}


def _splice_check(lm: Model, dictionary: Dictionary, ids: torch.Tensor, plain: torch.Tensor) -> SumCheck:
    whole = next_token_loss(lm, ids, splice(lm, dictionary, error=True))
    law = "a splice with its error added leaves the loss what it is"
    # Half precision rounds the sum of reconstruction and error.
    tolerance = 1e-4 if torch.finfo(lm.dtype).eps < 1e-5 else 3e-2
    return SumCheck(law, float(whole.double().mean()), float(plain.double().mean()), tolerance)


def _blocks(rows: list[list[int]], tokens: int) -> Iterator[list[list[int]]]:
    """Rows in order, some four batches at a time: enough for rows of one length to meet."""
    start = count = 0
    for i, row in enumerate(rows):
        count += len(row)
        if count >= 4 * tokens or i == len(rows) - 1:
            yield rows[start : i + 1]
            start, count = i + 1, 0


def _probed(running: Running, probes: Mapping[str, Any]) -> dict[str, Any]:
    used = np.concatenate(running.used)
    wrong = next((name for name, given in probes.items() if np.shape(given) != used.shape), None)
    if wrong is not None or not probes:
        raise InputError(
            expected=f"probes with one truth for each of {len(used)} tokens of the corpus, special ones included",
            got="none" if wrong is None else f"shape {list(np.shape(probes[wrong]))} for {wrong!r}",
            fix="Make them from the very texts that are evaluated, in their order.",
        )
    codes = SparseCodes.join(running.codes)
    labels = {name: np.asarray(given).astype(bool)[used][: len(codes)] for name, given in probes.items()}
    # Neighbouring tokens know of each other, so whole runs of them are held out.
    held_out = np.arange(len(codes)) // 256 % 2 == 1
    held = held_out if held_out.any() else None
    found = detections(codes, labels, held_out=held, least=10 if held is not None else 1)
    kept = {name: labels[name] for name in found.attributes}
    return {"detections": found, "supervised_f1": readout_f1(torch.cat(running.kept), kept, held_out=held)}
