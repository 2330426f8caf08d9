"""Prototypes over text: this story reads like that one, at these words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from interpwidgets.errors import InputError
from interpwidgets.models import Model
from interpwidgets.prototypes.network import PrototypeNetwork
from interpwidgets.prototypes.text_sources import TextSources

FAR = 1e3  # features of spans that do not exist: no prototype is near them


class SpanFeatures(nn.Module):
    """Token activations to features of every span of 1 to `longest` tokens.

    The mean activation of a span goes through one linear layer and a sigmoid, as the add-on layers of image prototypes.

    Args:
        d_model: width of the activations.
        d: width of the features.
        longest: tokens in the longest span.
    """

    def __init__(self, d_model: int, d: int, longest: int) -> None:
        super().__init__()
        self.longest = longest
        self.add_on = nn.Conv2d(d_model, d, 1)
        self.center: torch.Tensor
        self.spread: torch.Tensor
        self.register_buffer("center", torch.zeros(d_model))
        self.register_buffer("spread", torch.ones(d_model))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``[text, d_model + 1, token, 1]``, the last channel 1 at tokens, to ``[text, d, start, length - 1]``."""
        here = x[:, -1:, :, 0]
        tokens = (x[:, :-1, :, 0] - self.center[:, None]) / self.spread[:, None]
        spans, exists = [], []
        for length in range(1, self.longest + 1):
            if tokens.shape[2] < length:
                break
            pad = (0, length - 1)
            spans.append(nn.functional.pad(nn.functional.avg_pool1d(tokens, length, 1), pad))
            exists.append(nn.functional.pad(-nn.functional.max_pool1d(-here, length, 1), pad))
        features = self.add_on(torch.stack(spans, 3)).sigmoid()
        return torch.where(torch.stack(exists, 3) > 0.5, features, FAR)


@dataclass(frozen=True)
class Texts:
    """Texts that were read once: activations, padded to the longest, and their tokens.

    Attributes:
        activations: ``float32 [text, d_model + 1, token, 1]``; the last channel is 1 where a token is.
        tokens: for each text its tokens as strings.
    """

    activations: np.ndarray
    tokens: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, rows: Any) -> Texts:
        index = np.atleast_1d(np.arange(len(self))[rows])
        return Texts(self.activations[index], tuple(self.tokens[i] for i in index))


class TextPrototypes(PrototypeNetwork):
    """A classifier of texts whose evidence is likeness to spans of training texts.

    The same similarity, push, refit and conservation law as for images; a place is (first token, length - 1), and its
    box the tokens (first, after the last). The language model itself is not changed.

    Args:
        lm: any text model of the package.
        site: the activations to read, e.g. ``"resid_post.2"``.
        classes: names of the classes.
        per_class: prototypes of each class.
        longest: tokens in the longest span.
        d: width of features and prototypes.
        skip: tokens at the start of each text that no span may cover, e.g. 1 for a start token.
        seed: of the first values.

    Raises:
        InputError: numbers that cannot be, a site that the model does not have.
    """

    def __init__(
        self,
        lm: Model,
        site: str,
        *,
        classes: Sequence[str],
        per_class: int = 3,
        longest: int = 4,
        d: int = 32,
        skip: int = 1,
        seed: int = 0,
    ) -> None:
        place = lm.site(site)
        width = lm.width(place)
        if width is None or lm.takes_images or min(per_class, longest, d) < 1 or skip < 0:
            raise InputError(
                expected="a text model with a site of known width, and 1 or more prototypes, tokens and features",
                got=f"{lm.name}, {site}, per_class={per_class}, longest={longest}, d={d}, skip={skip}",
                fix='Pass e.g. TextPrototypes(lm, "resid_post.2", classes=names).',
            )
        draw = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            backbone = SpanFeatures(width, d, longest)
        owner = np.repeat(np.arange(len(classes)), per_class)
        super().__init__(
            backbone,
            torch.rand(len(owner), d, generator=draw),
            classes=classes,
            prototype_class=owner,
            image_size=(lm.context or 1, longest),
        )
        # Kept out of the module's parts: the language model is not trained here, nor saved.
        object.__setattr__(self, "lm", lm)
        self.lm: Model
        self.site, self.longest, self.skip = str(place), longest, skip
        self.sources: TextSources | None = None  # pyright: ignore[reportIncompatibleVariableOverride]
        self.to(lm.device)

    @property
    def spans(self) -> SpanFeatures:
        """What turns activations into features of spans."""
        return cast(SpanFeatures, self.backbone)

    def read(self, images: Any) -> Texts:
        """Run the model over texts once and keep the activations at the site."""
        if isinstance(images, Texts):
            return images
        rows = [images] if isinstance(images, str) else list(images)
        if not rows:
            raise InputError(expected="at least one text", got="none", fix="Pass a list of texts.")
        traces = [self.lm.trace(row, sites=[self.site], attention=False) for row in rows]
        longest = max(len(trace.tokens) for trace in traces)
        width = self.spans.add_on.in_channels
        out = np.zeros((len(rows), width + 1, longest, 1), np.float32)
        for i, trace in enumerate(traces):
            values = trace[self.site].float().cpu().numpy()
            out[i, :-1, : len(values), 0] = values.T
            out[i, -1, self.skip : len(values), 0] = 1
        short = [i for i in range(len(rows)) if not out[i, -1].any()]
        if short:
            raise InputError(
                expected=f"texts of more than {self.skip} tokens",
                got=f"{len(traces[short[0]].tokens)} in text {short[0]}",
                fix="Leave it out, or pass a smaller skip.",
            )
        return Texts(out, tuple(tuple(trace.tokens.texts) for trace in traces))

    def standardise(self, texts: Any) -> None:
        """Take mean and spread of the activations from texts, so that all channels start on one scale."""
        data = self.read(texts).activations
        here = data[:, -1, :, 0] > 0.5
        flat = torch.from_numpy(data[:, :-1, :, 0].transpose(0, 2, 1)[here])
        self.spans.center.copy_(flat.mean(0))
        self.spans.spread.copy_(flat.std(0).clamp_min(1e-6))

    def prepare(self, images: Any) -> torch.Tensor:
        """Texts as ``[text, d_model + 1, token, 1]``; the language model runs here."""
        return torch.from_numpy(self.read(images).activations).to(self.prototypes.device)

    def sources_at(self, items: Texts, image: np.ndarray, place: np.ndarray) -> TextSources:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Spans out of places in a data set, which `push` found."""
        box = np.stack([place[:, 0], place[:, 0] + place[:, 1] + 1], 1)
        tokens = tuple(items.tokens[i] for i in image)
        return TextSources(image, place, box, self.prototype_class.astype(np.int64), tokens)

    def place_box(self, place: tuple[int, int], map_shape: tuple[int, int] | None = None) -> tuple[int, int]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The tokens (first, after the last) of a place (first token, length - 1)."""
        start, column = int(place[0]), int(place[1])
        if start < 0 or not 0 <= column < self.longest or (map_shape is not None and start >= map_shape[0]):
            raise InputError(
                expected=f"a first token and a length - 1 below {self.longest}", got=str(place), fix="Count from 0."
            )
        return start, start + column + 1

    def save(self, folder: str | Path, *, images: bool = True) -> Path:
        """Write arrays and a card into a folder; the language model is named, not saved."""
        from interpwidgets.prototypes.text_saving import save

        return save(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path, *, lm: Model) -> TextPrototypes:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Read what `save` wrote.

        Args:
            folder: as `save` wrote it.
            lm: the language model the prototypes were made for.
        """
        from interpwidgets.prototypes.text_saving import load

        return load(cls, Path(folder), lm)

    def _check_batch(self, x: torch.Tensor) -> None:
        width = self.spans.add_on.in_channels + 1
        if not isinstance(x, torch.Tensor) or x.ndim != 4 or x.shape[1] != width or x.shape[3] != 1:
            raise InputError(
                expected=f"a batch of shape [text, {width}, token, 1]",
                got=f"shape {list(x.shape)}" if hasattr(x, "shape") else type(x).__name__,
                fix="Prepare texts first: net.prepare(texts).",
            )
