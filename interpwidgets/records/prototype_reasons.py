"""Why each prototype of a network found an image similar, as a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.plot_text import plain

if TYPE_CHECKING:
    import plotly.graph_objects as go

CHARACTERISTICS = ("hue", "saturation", "contrast", "brightness", "shape", "texture")


@dataclass(frozen=True)
class PrototypeReasons:
    """Why a prototype finds an image similar: how much similarity is lost when one characteristic is changed.

    One characteristic of the image at a time is modified, and similarity is read again at the same place:
    ``importance = similarity before − similarity after``. Above 0 the prototype needed the characteristic; at 0 it does
    not care; below 0 the change made the image more similar. Over many images the mean is weighted by similarity, so
    that images the prototype does not see count little (Nauta et al. 2021, "This Looks Like That, Because ...
    Explaining Prototypes for Interpretable Image Recognition").

    Attributes:
        importance: ``[prototype, characteristic]`` in units of similarity: of one image (local), or the weighted mean
            over the data (global, ``everywhere=True``). NaN where no image had any similarity to weigh by.
        similarities: ``[prototype]`` before the change; over the data the weighted mean too.
        everywhere: False for one image, True over many.
        n_images: how many images it is a mean over; 1 for one.
        characteristics: what was changed, in order of the columns.
        strengths: how strongly, in the unit of each change: hue in turns, saturation, contrast and brightness as the
            factor that is kept, shape as the amplitude in pixels, texture as the strength of non-local means in grey
            values of 255.
        changed: ``[characteristic, height, width, 3]`` uint8, the modified images, for one image; None over many.
        places, boxes: ``[prototype, 2]`` and ``[prototype, 4]`` where similarity was read, for one image.
        structure: ``[prototype]`` how alike the patch that was found and the prototype's own look in structure, from -1
            to 1 (equal): structural similarity at the best of small shifts and mirroring, of all that the network sees
            at the place where that is known. NaN where the prototype has no patch. For one image.
        colour: ``[prototype]`` how far apart their colours are: mean ΔE of CIE Lab to the nearest colour of the other
            patch; 2.3 is just noticeable. For one image.
        misleading: why a prototype may mislead the eye, in one sentence, by its number; the others are left out.
        similarity: what the similarity is, e.g. ``"distance"`` or ``"cosine"``.
        name: of the network.
    """

    importance: np.ndarray
    similarities: np.ndarray
    everywhere: bool = False
    n_images: int = 1
    characteristics: tuple[str, ...] = CHARACTERISTICS
    strengths: Mapping[str, Any] = field(default_factory=dict)
    changed: np.ndarray | None = None
    places: np.ndarray | None = None
    boxes: np.ndarray | None = None
    structure: np.ndarray | None = None
    colour: np.ndarray | None = None
    misleading: Mapping[int, str] = field(default_factory=dict)
    similarity: str = "distance"
    name: str = "prototypes"

    def __post_init__(self) -> None:
        count = len(self.similarities)
        wanted = (count, len(self.characteristics))
        if self.importance.shape != wanted:
            raise InputError(
                expected=f"importance [prototype, characteristic] of shape {list(wanted)}",
                got=f"shape {list(self.importance.shape)}",
                fix="Give one number for each prototype and characteristic.",
            )
        for what, values in (("structure", self.structure), ("colour", self.colour)):
            if values is not None and values.shape != (count,):
                raise InputError(
                    expected=f"{what} of shape [{count}]",
                    got=f"shape {list(values.shape)}",
                    fix="Give one number for each prototype, NaN where it is not known.",
                )

    def __len__(self) -> int:
        return len(self.similarities)

    def __repr__(self) -> str:
        over = f"{self.n_images} images" if self.everywhere else "one image"
        flagged = f", {len(self.misleading)} may mislead" if self.misleading else ""
        return f"PrototypeReasons({self.name}: {len(self)} prototypes over {over}{flagged})"

    def get(self, characteristic: str) -> np.ndarray:
        """``[prototype]`` importance of one characteristic."""
        if characteristic not in self.characteristics:
            raise InputError(
                expected=f"one of {', '.join(self.characteristics)}",
                got=repr(characteristic),
                fix="Choose one of them.",
            )
        return self.importance[:, self.characteristics.index(characteristic)]

    def of(self, prototype: int) -> dict[str, float]:
        """The importance of each characteristic for one prototype, the largest first."""
        row = self.importance[self.check(prototype)]
        order = np.argsort(-row, kind="stable")
        return {self.characteristics[i]: float(row[i]) for i in order}

    def check(self, prototype: int) -> int:
        """The prototype, if there is such a one."""
        known = isinstance(prototype, int | np.integer) and not isinstance(prototype, bool)
        if not known or not 0 <= prototype < len(self):
            raise InputError(
                expected=f"a prototype from 0 to {len(self) - 1}", got=repr(prototype), fix="Choose one of these."
            )
        return int(prototype)

    def figure(self, prototype: int) -> go.Figure:
        """The bars of one prototype as a plotly figure."""
        import plotly.graph_objects as go

        row = self.importance[self.check(prototype)].astype(np.float64)
        colours = ["#C2660A" if value > 0 else "#2F5FCF" for value in row]
        figure = go.Figure(
            go.Bar(x=row[::-1], y=self.characteristics[::-1], orientation="h", marker_color=colours[::-1])
        )
        over = f"mean over {self.n_images} images, weighted by similarity" if self.everywhere else "this image"
        return figure.update_layout(
            title=plain(f"Why prototype {prototype} is similar: {over}"),
            xaxis_title="similarity lost when it is changed",
            height=280,
            margin={"l": 90, "r": 20, "t": 50, "b": 50},
        )
