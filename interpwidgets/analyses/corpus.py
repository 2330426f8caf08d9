"""Much text, in pieces that a model can read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sized
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from interpwidgets.errors import InputError
from interpwidgets.models.inputs import any_ids

if TYPE_CHECKING:
    from interpwidgets.models import Model

COLUMN = "text"


class Window(NamedTuple):
    """A piece of a document, at most a context long.

    Attributes:
        document: which document, counted from 0.
        number: which of its windows, counted from 0.
        start: where in the document it begins.
        ids: its token ids.
    """

    document: int
    number: int
    start: int
    ids: list[int]


class Corpus:
    """Documents as windows of token ids, read one after the other and never held all at once.

    A document longer than the context is cut into windows that follow one another. Where the tokenizer puts a token in
    front of every text (``<s>``), each window gets it.

    Args:
        lm: whose tokenizer and context.
        documents: texts or lists of ids; an array of ids ``[document, token]``; a text file or a folder of ``.txt``
            files (each file a document); a Hugging Face dataset, or other rows with a column of text; any iterable of
            these. An iterator can be read only once.
        context: tokens in a window at most; by default the model's context, and 1,024 where it has none.
        column: where the text is, in rows.

    Raises:
        InputError: one text instead of many, a file that is not there, rows without that column. Of each document,
            when it is read: what `Model.trace` raises.
    """

    def __init__(self, lm: Model, documents: Any, *, context: int | None = None, column: str = COLUMN) -> None:
        self.lm = lm
        self.column = column
        self.documents = _readable(documents)
        most = lm.context or 1024
        self.context = most if context is None else context
        if not isinstance(self.context, int) or not 2 <= self.context <= max(2, most):
            raise InputError(
                expected=f"a context from 2 to {most} tokens", got=repr(context), fix="Leave it out for the most."
            )
        if lm.takes_images or lm.has_decoder:
            raise InputError(
                expected="a model that reads one row of tokens", got=lm.name, fix="Use a decoder or an encoder."
            )

    @property
    def size(self) -> int | None:
        """How many documents; None where only reading them would tell."""
        return len(self.documents) if isinstance(self.documents, Sized) else None

    def windows(self, document: int = 0, number: int = 0) -> Iterator[Window]:
        """Every window from the given one on; documents before it are not tokenised."""
        for at, given in enumerate(self._from(document), document):
            ids = any_ids(self.lm, self._content(given, at))
            front = ids[:1] if isinstance(given, str | Mapping | Path) and self._marks(ids) else []
            rest = ids[len(front) :]
            step = self.context - len(front)
            first = number if at == document else 0
            for n in range(first, -(-len(rest) // step)):
                yield Window(at, n, n * step, front + rest[n * step : (n + 1) * step])

    def _from(self, document: int) -> Iterator[Any]:
        if self.size is not None and hasattr(self.documents, "__getitem__"):
            return (self.documents[i] for i in range(document, self.size))
        return islice(iter(self.documents), document, None)

    def _content(self, given: Any, at: int) -> Any:
        if isinstance(given, Path):
            return given.read_text("utf8")
        if isinstance(given, Mapping):
            if self.column not in given:
                raise InputError(
                    expected=f"a column {self.column!r} in every row",
                    got=f"{', '.join(map(str, list(given)[:8]))} in row {at}",
                    fix="Name the column with the text, column=....",
                )
            return given[self.column]
        return given

    def _marks(self, ids: list[int]) -> bool:
        """Whether the first token was put there by the tokenizer."""
        return bool(ids) and ids[0] in (getattr(self.lm.tokenizer, "all_special_ids", None) or ())


def special_ids(lm: Model) -> torch.Tensor:
    """Ids of tokens that stand for no text, such as ``<s>`` and padding."""
    return torch.tensor(sorted(getattr(lm.tokenizer, "all_special_ids", None) or ()), dtype=torch.long)


def _readable(documents: Any) -> Any:
    if isinstance(documents, str):
        raise InputError(
            expected="many texts, an array of ids, a dataset, or a pathlib.Path to text files",
            got=f"the one string {documents[:40]!r}",
            fix="Pass a list of texts; for a file pass Path(...).",
        )
    if isinstance(documents, Path):
        files = sorted(documents.rglob("*.txt")) if documents.is_dir() else [documents]
        if not files or not files[0].is_file():
            raise InputError(
                expected="a text file, or a folder with .txt files", got=str(documents), fix="Check the path."
            )
        return files
    if isinstance(documents, np.ndarray | torch.Tensor):
        if documents.ndim != 2:
            raise InputError(
                expected="ids of shape [document, token]", got=f"shape {list(documents.shape)}", fix="Reshape them."
            )
        return documents
    if isinstance(documents, Sized) and len(documents) == 0:
        raise InputError(expected="one document or more", got="none", fix="Pass a list of texts.")
    if isinstance(documents, Mapping) or not isinstance(documents, Iterable):
        raise InputError(
            expected="many texts, an array of ids, a dataset, or a pathlib.Path to text files",
            got=type(documents).__name__,
            fix="Pass a list of texts.",
        )
    return documents
