"""One text compared with every prototype of a network over text, as a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.prototype_evidence import added_up, check_shapes, class_index
from interpwidgets.records.prototypes import PrototypeComparison
from interpwidgets.records.sum_check import SumCheck
from interpwidgets.records.tokens import Tokens

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True)
class TextPrototypeComparison:
    """How a network of prototypes reads one text: these words read like those words of a training text.

    The same law as for images: a prototype's similarity is that of its best span of tokens, and a class's logit is the
    sum of similarity times weight over the prototypes.

    Attributes:
        tokens: the text that was compared.
        token_similarities: ``[prototype, token]`` float32, the largest similarity of any span that holds the token; NaN
            where no span may.
        similarities: ``[prototype]`` of the best span.
        spans: ``[prototype, 2]`` the best span: its first token and the one after its last.
        weights: ``[class, prototype]`` the last layer.
        logits: ``[class]`` as the network itself gave them.
        classes: the names of the classes.
        prototype_class: ``[prototype]`` the class each prototype was trained for; -1 for none.
        source_tokens: for each prototype all tokens of the training text it is a span of; empty before push.
        source_spans: ``[prototype, 2]`` that span; None before push.
        source_indices: ``[prototype]`` number of that text in the training set; None when not known.
        source_labels: what that text is, in words.
        similarity: what the similarity is, ``"distance"`` or ``"cosine"``.
        label: the text's own class where it is known.
        name: of the network.
        tolerance: the largest residual of a sum, relative to its terms, that the number format explains.
    """

    tokens: Tokens
    token_similarities: np.ndarray
    similarities: np.ndarray
    spans: np.ndarray
    weights: np.ndarray
    logits: np.ndarray
    classes: tuple[str, ...]
    prototype_class: np.ndarray
    source_tokens: tuple[tuple[str, ...], ...] = ()
    source_spans: np.ndarray | None = None
    source_indices: np.ndarray | None = None
    source_labels: tuple[str, ...] = ()
    similarity: str = "distance"
    label: int | None = None
    name: str = "prototypes"
    tolerance: float = 1e-4
    # What a view asks of any comparison.
    linear: bool = True
    scales: None = None

    def __post_init__(self) -> None:
        count, classes = len(self.similarities), len(self.classes)
        shapes = {
            "token_similarities": (count, len(self.tokens)),
            "spans": (count, 2),
            "weights": (classes, count),
            "logits": (classes,),
            "prototype_class": (count,),
        }
        check_shapes(self, shapes)

    def __len__(self) -> int:
        return len(self.similarities)

    def __repr__(self) -> str:
        return f"TextPrototypeComparison({self.name}: {len(self)} prototypes, predicts {self.classes[self.predicted]})"

    @property
    def contributions(self) -> np.ndarray:
        """``[class, prototype]`` what each prototype adds to each logit."""
        return self.weights.astype(np.float64) * self.similarities.astype(np.float64)

    @property
    def predicted(self) -> int:
        """The class with the largest logit."""
        return int(np.argmax(self.logits))

    @property
    def pushed(self) -> bool:
        """Whether every prototype is a span of a real training text that can be shown."""
        return self.source_spans is not None and len(self.source_tokens) == len(self)

    @property
    def sum_check(self) -> SumCheck:
        """The contributions of all prototypes add up to the logit, for the class where they do so worst."""
        return added_up(self.contributions, self.logits, self.tolerance)

    def span(self, prototype: int) -> tuple[str, ...]:
        """The tokens of this text that read most like a prototype."""
        start, stop = (int(v) for v in self.spans[prototype])
        return self.tokens.texts[start:stop]

    def source_span(self, prototype: int) -> tuple[str, ...]:
        """The tokens of the training text that a prototype is."""
        if self.source_spans is None:
            raise InputError(
                expected="prototypes that are spans of training texts", got="prototypes not pushed", fix="Push them."
            )
        start, stop = (int(v) for v in self.source_spans[prototype])
        return self.source_tokens[prototype][start:stop]

    def class_index(self, cls: int | str | None) -> int:
        """The number of a class given by number or name; None is the predicted one."""
        return class_index(self.classes, self.predicted, cls)

    def logits_with(self, weights: np.ndarray) -> np.ndarray:
        """``[class]`` logits had the last layer these weights ``[class, prototype]``."""
        return np.asarray(weights, np.float64) @ self.similarities.astype(np.float64)

    def figure(self, cls: int | str | None = None, n: int = 10) -> go.Figure:
        """The score sheet of a class as a plotly figure: what each of the ``n`` largest contributions adds."""
        return PrototypeComparison.figure(self, cls, n)  # pyright: ignore[reportArgumentType]
