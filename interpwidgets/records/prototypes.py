"""One image compared with every prototype of a network, as a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records.plot_text import plain
from interpwidgets.records.prototype_evidence import added_up, check_shapes, class_index
from interpwidgets.records.prototype_reasons import CHARACTERISTICS, PrototypeReasons
from interpwidgets.records.sum_check import SumCheck

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["CHARACTERISTICS", "PrototypeComparison", "PrototypeReasons"]


@dataclass(frozen=True)
class PrototypeComparison:
    """How a network of prototypes reads one image: this part looks like that training patch, which speaks for a class.

    Every prototype is compared with every place of the image; its similarity is that of its best place, and a class's
    logit is the sum of similarity times class weight over the prototypes, so the contributions add up to the logit
    (Chen et al. 2019, "This Looks Like That: Deep Learning for Interpretable Image Recognition").

    Attributes:
        image: ``[height, width, 3]`` uint8, the image that was compared.
        similarity_maps: ``[prototype, h, w]`` float32, similarity at every place.
        similarities: ``[prototype]`` at the best place.
        places: ``[prototype, 2]`` the best place, (row, column) of the map.
        boxes: ``[prototype, 4]`` what that place stands for, (top, left, bottom, right) in pixels of `image`; the last
            row and column are not inside.
        weights: ``[class, prototype]`` the last layer.
        contributions: ``[class, prototype]`` what each prototype adds to each logit.
        logits: ``[class]`` as the network itself gave them.
        classes: the names of the classes.
        prototype_class: ``[prototype]`` the class each prototype was trained for; -1 for none.
        similarity: what the similarity is, e.g. ``"distance"`` (``log((d² + 1) / (d² + 1e-4))``, at most 9.2103) or
            ``"cosine"``.
        source_images: ``[prototype, H, W, 3]`` uint8, the training image each prototype is a patch of; None before
            prototypes were pushed onto patches.
        source_boxes: ``[prototype, 4]`` that patch, in pixels of `source_images`.
        source_indices: ``[prototype]`` number of that image in the training set; -1 for not known.
        source_labels: what that image shows, in words.
        scales: ``[prototype]`` which of several maps each prototype reads, coarse or fine; None with one map.
        groups: ``[group, prototype]`` weights on the simplex where prototypes work in groups; None without groups.
        group_weights: ``[class, group]`` of these.
        linear: whether logits are ``similarities @ weights.T``; False for groups that multiply, whose ``weights`` then
            only say who belongs to whom.
        label: the image's own class where it is known.
        name: of the network.
        tolerance: the largest residual of a sum that the number format explains.
    """

    image: np.ndarray
    similarity_maps: np.ndarray
    similarities: np.ndarray
    places: np.ndarray
    boxes: np.ndarray
    weights: np.ndarray
    contributions: np.ndarray
    logits: np.ndarray
    classes: tuple[str, ...]
    prototype_class: np.ndarray
    similarity: str = "distance"
    source_images: np.ndarray | None = None
    source_boxes: np.ndarray | None = None
    source_indices: np.ndarray | None = None
    source_labels: tuple[str, ...] = ()
    scales: np.ndarray | None = None
    groups: np.ndarray | None = None
    group_weights: np.ndarray | None = None
    linear: bool = True
    label: int | None = None
    name: str = "prototypes"
    tolerance: float = 1e-4

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[-1] != 3 or self.image.dtype != np.uint8:
            raise InputError(
                expected="an image [height, width, 3] of uint8",
                got=f"{self.image.dtype} of shape {list(self.image.shape)}",
                fix="Pass one RGB image; compare_prototypes makes this record.",
            )
        count, classes = len(self.similarity_maps), len(self.classes)
        shapes = {
            "similarities": (count,),
            "places": (count, 2),
            "boxes": (count, 4),
            "weights": (classes, count),
            "contributions": (classes, count),
            "logits": (classes,),
            "prototype_class": (count,),
        }
        check_shapes(self, shapes)

    def __len__(self) -> int:
        return len(self.similarities)

    def __repr__(self) -> str:
        best = (
            f"{self.classes[self.predicted]} {self.logits[self.predicted]:.3g}" if len(self.classes) else "no classes"
        )
        return f"PrototypeComparison({self.name}: {len(self)} prototypes, predicts {best})"

    @property
    def predicted(self) -> int:
        """The class with the largest logit."""
        return int(np.argmax(self.logits))

    @property
    def pushed(self) -> bool:
        """Whether every prototype is a patch of a real training image that can be shown."""
        return self.source_images is not None and self.source_boxes is not None

    @property
    def sum_check(self) -> SumCheck:
        """The contributions of all prototypes add up to the logit, for the class where they do so worst."""
        return added_up(self.contributions, self.logits, self.tolerance)

    def top(self, n: int = 5, *, cls: int | str | None = None) -> list[int]:
        """The ``n`` prototypes that add most to a class's logit, most first; the predicted class unless told."""
        order = np.argsort(-self.contributions[self.class_index(cls)], kind="stable")
        return [int(p) for p in order[: max(0, n)]]

    def logits_with(self, weights: np.ndarray) -> np.ndarray:
        """``[class]`` logits had the last layer these weights ``[class, prototype]``, e.g. with a column set to 0."""
        if np.shape(weights) != self.weights.shape:
            raise InputError(
                expected=f"weights of shape {list(self.weights.shape)}",
                got=f"shape {list(np.shape(weights))}",
                fix="Copy record.weights and change what you like.",
            )
        if not self.linear:
            raise InputError(
                expected="logits that are linear in the similarities",
                got="groups of prototypes that multiply",
                fix="Switch prototypes in the network, net.switched({3: 0.0}), and compare again.",
            )
        return np.asarray(weights, np.float64) @ self.similarities.astype(np.float64)

    def class_index(self, cls: int | str | None) -> int:
        """The number of a class given by number or name; None is the predicted one."""
        return class_index(self.classes, self.predicted, cls)

    def figure(self, cls: int | str | None = None, n: int = 10) -> go.Figure:
        """The score sheet of a class as a plotly figure: what each of the ``n`` largest contributions adds."""
        import plotly.graph_objects as go

        at = self.class_index(cls)
        values = self.contributions[at].astype(np.float64)
        order = np.argsort(-np.abs(values), kind="stable")[:n][::-1]
        colours = ["#C2660A" if values[p] > 0 else "#2F5FCF" for p in order]
        names = [f"prototype {p}" for p in order]
        figure = go.Figure(go.Bar(x=values[order], y=names, orientation="h", marker={"color": colours}))
        return figure.update_layout(
            title=plain(f"{self.classes[at]}: logit {self.logits[at]:.3f}"),
            xaxis_title="contribution to the logit",
            height=120 + 24 * len(order),
            margin={"l": 100, "r": 20, "t": 50, "b": 50},
        )
