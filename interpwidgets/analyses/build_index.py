"""Every feature of a dictionary over a corpus, in one stream."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tqdm.auto import tqdm

from interpwidgets.analyses.activations import activations, in_batches
from interpwidgets.analyses.corpus import COLUMN, Corpus, Window, special_ids
from interpwidgets.analyses.feature_state import Firings, Size, State
from interpwidgets.analyses.given import check_model
from interpwidgets.analyses.index_files import Partial, finish
from interpwidgets.dictionaries.checks import check_fits, whole
from interpwidgets.dictionaries.training.ranks import ranks
from interpwidgets.errors import InputError
from interpwidgets.records.feature_index import CARD, FeatureIndex

if TYPE_CHECKING:
    from interpwidgets.dictionaries import Dictionary
    from interpwidgets.models import Model

BLOCK = 2**15  # tokens between two chances to stop and resume


def build_index(
    lm: Model,
    dictionary: Dictionary,
    documents: Any,
    folder: str | Path | None = None,
    *,
    context: int | None = None,
    column: str = COLUMN,
    top: int = 20,
    sample: int = 32,
    width: int = 24,
    skip_special: bool = True,
    save_every: int = 8,
    overwrite: bool = False,
    progress: bool = True,
) -> FeatureIndex:
    """Look at every feature on every token of a corpus, and write down what a dashboard shows.

    One pass: the model up to the dictionary's site, the codes, and for each feature its strongest places, places drawn
    at random, a histogram, how often it fires; then from the weights alone the tokens it promotes, the tokens it reads,
    and the features like it. What is held does not grow with the corpus. A build that was stopped goes on when it is
    called again, and ends with the same bytes; under ``torchrun --nproc-per-node N`` it runs on N processes, with the
    same bytes too.

    Args:
        lm: the model.
        dictionary: made for it.
        documents: what to read, in any form that `Corpus` takes.
        folder: where the index goes; None makes a temporary one that lasts as long as the returned object.
        context: tokens read together; by default the model's context.
        column: where the text is, in rows of a dataset.
        top: strongest places kept of each feature, each of another window of text.
        sample: places kept that are drawn at random, from which the examples by quantile come.
        width: tokens shown around a place.
        skip_special: leave tokens such as ``<s>`` out of every count and list.
        save_every: blocks of 32,768 tokens between two saves of the state.
        overwrite: replace an index of other things that is in the folder.
        progress: show a bar with the time left.

    Raises:
        InputError: a dictionary of another width or without a site; a folder that holds something else; a document that
            cannot be read.
    """
    check_model(lm)
    site = _site(lm, dictionary)
    corpus = documents if isinstance(documents, Corpus) else Corpus(lm, documents, context=context, column=column)
    size = Size(
        dictionary.n_features,
        top=whole("top", top, 1, 1000),
        sample=whole("sample", sample, 0, 1000) or 1,
        width=whole("width", width, 1, 2**16),
    )
    home = Path(tempfile.mkdtemp(prefix="interpwidgets-index-") if folder is None else folder)
    settings = _settings(lm, dictionary, corpus, site, size, skip_special)
    if not _finished(home, settings, overwrite):
        with ranks() as together:
            partial = Partial(home, settings, together)
            left_out = special_ids(lm) if skip_special else torch.zeros(0, dtype=torch.long)
            reader = Reader(lm, dictionary, site, size, left_out)
            _stream(reader, corpus, partial, save_every=save_every, progress=progress)
            together.wait()
            if together.first:
                finish(lm, dictionary, corpus, size, partial, settings)
            together.wait()
    index = FeatureIndex(home)
    if folder is None:
        weakref.finalize(index, shutil.rmtree, home, ignore_errors=True)
    return index


def _site(lm: Model, dictionary: Dictionary) -> str:
    if dictionary.site_in is None:
        raise InputError(
            expected="a dictionary that says which site it reads",
            got=repr(dictionary.name),
            fix='Set it: dictionary.site_in = "resid_post.2".',
        )
    site = str(lm.site(dictionary.site_in))
    check_fits(dictionary, lm.width(site) or dictionary.d_in, site)
    return site


@dataclass(frozen=True)
class Reader:
    """What every block of text goes through: the model up to a site, the codes, the state.

    Attributes:
        lm, dictionary, site: of what.
        size: how much of each feature is kept.
        left_out: ids of tokens that are not counted ``[token]``.
    """

    lm: Model
    dictionary: Dictionary
    site: str
    size: Size
    left_out: torch.Tensor

    def read(self, block: list[Window], first: int, state: State) -> None:
        """Take in what fires in some windows, of which the first has this number in the corpus."""
        # Neighbours of one length pad nothing.
        order = sorted(range(len(block)), key=lambda i: len(block[i].ids))
        at = 0
        for batch in in_batches([block[i] for i in order], same_length=self.lm.family == "module"):
            (values,), ids = activations(self.lm, [window.ids for window in batch], [self.site])
            codes = self.dictionary.encode_sparse(values.flatten(1) if values.dim() > 2 else values)
            lengths = torch.tensor([len(window.ids) for window in batch])
            numbers = torch.tensor([first + i for i in order[at : at + len(batch)]])
            at += len(batch)
            window = numbers.repeat_interleave(lengths)
            position = torch.cat([torch.arange(int(n)) for n in lengths])
            device = codes.values.device
            fires = ~torch.isin(ids, self.left_out).to(device)[codes.rows]
            found = Firings.of(
                codes.indices[fires], codes.rows[fires], codes.values[fires], window.to(device), position.to(device)
            )
            state.add(found, self.size)


def _stream(reader: Reader, corpus: Corpus, partial: Partial, *, save_every: int, progress: bool) -> None:
    """Read what this process has not read yet."""
    together = partial.together
    state, at = partial.resume(State.empty(reader.size, reader.dictionary.device))
    bar = tqdm(
        total=corpus.size,
        initial=at.document,
        disable=not (progress and together.first),
        unit="doc",
        desc=f"features of {reader.dictionary.name}",
    )
    with bar, torch.no_grad():
        for block in blocks(corpus.windows(at.document, at.number)):
            if at.block % together.count == together.rank:
                reader.read(block, at.window, state)
            partial.keep(block)
            at = at.after(block)
            bar.update(at.document - bar.n)
            bar.set_postfix(tokens=f"{partial.tokens:,}")
            if at.block % save_every == 0:
                partial.save(state, at)
        partial.save(state, at)


def blocks(windows: Iterator[Window]) -> Iterator[list[Window]]:
    """Windows in their order, as many at a time as make a block."""
    block: list[Window] = []
    size = 0
    for window in windows:
        block.append(window)
        size += len(window.ids)
        if size >= BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block


def _settings(
    lm: Model, dictionary: Dictionary, corpus: Corpus, site: str, size: Size, skip_special: bool
) -> dict[str, Any]:
    """What must be the same for a build to go on, or to be taken as done."""
    digest = hashlib.sha256()
    for name, tensor in sorted(dictionary.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes() if tensor.dim() else b"")
    text = hashlib.sha256()
    if corpus.size is not None:
        for window in islice(corpus.windows(), 64):
            text.update(repr(window.ids).encode())
    return {
        "dictionary": dictionary.name,
        "kind": dictionary.kind,
        "weights": digest.hexdigest()[:16],
        "model": lm.name,
        "site_in": site,
        "site_out": dictionary.site_out,
        "n_features": dictionary.n_features,
        "n_documents": corpus.size,
        "text": text.hexdigest()[:16],
        "context": corpus.context,
        "top": size.top,
        "sample": size.sample,
        "width": size.width,
        "skip_special": skip_special,
    }


def _finished(home: Path, settings: dict[str, Any], overwrite: bool) -> bool:
    """Whether the very index that is asked for is there."""
    if overwrite or not (home / CARD).is_file():
        if overwrite:
            for path in home.glob("*.partial"):
                path.unlink()
            (home / CARD).unlink(missing_ok=True)
        return False
    card = FeatureIndex(home).card
    other = [name for name, value in settings.items() if name != "n_documents" and card.get(name) != value]
    if other:
        raise InputError(
            expected=f"an empty folder, or an index with {other[0]}={settings[other[0]]!r}",
            got=f"one with {other[0]}={card.get(other[0])!r} in {home}",
            fix="Choose another folder, or pass overwrite=True.",
        )
    return True
