"""A classifier that decides by likeness: this looks like that."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from interpwidgets.errors import InputError, ModelError
from interpwidgets.prototypes.checks import check_classes, check_indices, check_matrix, check_size
from interpwidgets.prototypes.groups import Groups
from interpwidgets.prototypes.images import read_images, to_tensor
from interpwidgets.prototypes.maps import read_maps
from interpwidgets.prototypes.places import Places, cell, run_once
from interpwidgets.prototypes.similarity import KINDS, similarity, squared_distances
from interpwidgets.prototypes.sources import Sources
from interpwidgets.prototypes.switching import Switching, own_class_weights


class PrototypeNetwork(Places, Switching, nn.Module):
    """A network whose evidence for a class is how much some patch of the image looks like the class's prototypes.

    A backbone gives a map of feature vectors; each prototype is a vector of the same width; its similarity to an image
    is the largest over the map, and a class's logit is the weighted sum of similarities, nothing else (Chen et al.
    2019, "This Looks Like That: Deep Learning for Interpretable Image Recognition")::

        d²_p(y, x) = |z(y, x) - p|²             g_p = max over places of log((d² + 1) / (d² + 1e-4))
        logit_c    = Σ_p  weights[c, p] · g_p

    so contributions add up to the logit exactly. After push each prototype is a patch of a training image.

    Args:
        backbone: any module from images to a map ``[image, d, row, column]``, or to a list of maps (scales); see
            `read_maps` for what is understood and `Features` for a wrapper with add-on layers.
        prototypes: ``[prototype, d]``.
        classes: names of the classes.
        prototype_class: ``[prototype]`` which class each prototype belongs to.
        image_size: side in pixels, or (height, width).
        similarity: ``"distance"`` as above, or ``"cosine"``.
        weights: ``[class, prototype]``; by default 1 for a prototype's own class and -0.5 for the others.
        mean, std: of the input channels, in 0 to 1.
        groups: `Groups` of prototypes between similarities and classes; then `weights` are what they give together.
        sources: where the prototypes come from, if that is known.
        scales: ``[prototype]`` which of the backbone's maps each prototype reads; all the first by default.
        receptive_field: side in pixels of what one place can see, where known.

    Raises:
        InputError: arrays that do not belong together.
    """

    def __init__(
        self,
        backbone: nn.Module,
        prototypes: Any,
        *,
        classes: Sequence[str],
        prototype_class: Any,
        image_size: int | tuple[int, int],
        similarity: str = "distance",
        weights: Any = None,
        mean: Sequence[float] = (0.5, 0.5, 0.5),
        std: Sequence[float] = (0.25, 0.25, 0.25),
        groups: Groups | None = None,
        sources: Sources | None = None,
        scales: Any = None,
        receptive_field: int | None = None,
    ) -> None:
        super().__init__()
        if similarity not in KINDS:
            raise InputError(expected=f"similarity as one of {', '.join(KINDS)}", got=repr(similarity), fix="Name one.")
        self.backbone = backbone
        self.prototypes = nn.Parameter(check_matrix("prototypes", prototypes, (None, None)))
        count = len(self.prototypes)
        self.classes = check_classes(classes)
        self._owner: torch.Tensor
        self.register_buffer("_owner", check_indices("prototype_class", prototype_class, count, len(self.classes)))
        self.similarity = similarity
        self.image_size = check_size(image_size)
        self._mean: torch.Tensor
        self._std: torch.Tensor
        self.register_buffer("_mean", check_matrix("mean", mean, (3,)))
        self.register_buffer("_std", check_matrix("std", std, (3,)))
        self._scale: torch.Tensor
        self.register_buffer(
            "_scale", check_indices("scales", np.zeros(count) if scales is None else scales, count, 64)
        )
        start = own_class_weights(self._owner, len(self.classes)) if weights is None else weights
        self.class_weights = nn.Parameter(check_matrix("weights", start, (len(self.classes), count)))
        self.groups = groups
        if groups is not None:
            groups.check(len(self.classes), count)
        if sources is not None and len(sources) != count:
            raise InputError(expected=f"sources of {count} prototypes", got=str(len(sources)), fix="Give one for each.")
        self.sources = sources
        self.receptive_field = receptive_field
        self._factors = {}
        self._shapes = None

    @classmethod
    def fresh(
        cls,
        backbone: nn.Module,
        *,
        classes: Sequence[str],
        image_size: int | tuple[int, int],
        per_class: int = 3,
        seed: int = 0,
        n_scales: int = 1,
        **options: Any,
    ) -> PrototypeNetwork:
        """A network to be trained: `per_class` prototypes of each class and scale, drawn around the middle of 0 to 1.

        Args:
            backbone, classes, image_size: as for the class.
            per_class: prototypes for each class, on each scale.
            seed: of the first values.
            n_scales: how many of the backbone's maps get prototypes.
            options: whatever else the class takes.
        """
        size = check_size(image_size)
        if not isinstance(per_class, int) or per_class < 1:
            raise InputError(expected="at least one prototype for each class", got=repr(per_class), fix="Pass 3.")
        with torch.no_grad():
            device = next((p.device for p in backbone.parameters()), torch.device("cpu"))
            width = read_maps(run_once(backbone, torch.zeros(1, 3, *size, device=device)))[0].shape[1]
        owner = np.tile(np.repeat(np.arange(len(classes)), per_class), n_scales)
        scales = np.repeat(np.arange(n_scales), per_class * len(classes))
        values = torch.rand(len(owner), width, generator=torch.Generator().manual_seed(seed))
        given: dict[str, Any] = {"classes": classes, "image_size": image_size, **options}
        return cls(backbone, values, prototype_class=owner, scales=scales, **given).to(device)

    def extra_repr(self) -> str:
        return f"{self.n_prototypes} prototypes of {len(self.classes)} classes, similarity={self.similarity!r}"

    @property
    def n_prototypes(self) -> int:
        """How many prototypes there are."""
        return len(self.prototypes)

    @property
    def prototype_class(self) -> np.ndarray:
        """``[prototype]`` index of the class each prototype belongs to."""
        return self._owner.cpu().numpy()

    @property
    def prototype_scale(self) -> np.ndarray:
        """``[prototype]`` which of the backbone's maps each prototype reads."""
        return self._scale.cpu().numpy()

    def read(self, images: Any) -> Any:
        """A whole data set in the form that rows are taken from: uint8 ``[image, height, width, 3]``."""
        return read_images(images, self.image_size)

    def sources_at(self, items: Any, image: np.ndarray, place: np.ndarray) -> Sources:
        """Sources out of places in a data set, which `push` found; `items` as `read` gives them."""
        shapes, scale = self.map_shapes(), self.prototype_scale
        box = [cell(at, shapes[scale[p]], self.image_size) for p, at in enumerate(place)]
        return Sources(image, place, np.array(box, np.int64), self.prototype_class.astype(np.int64), items[image])

    def prepare(self, images: Any) -> torch.Tensor:
        """Images as the backbone takes them, ``[image, 3, height, width]`` on the network's device.

        Args:
            images: uint8 ``[image, height, width, 3]`` or one image, Pillow images or paths; other sizes are resized.
        """
        return to_tensor(read_images(images, self.image_size), self._mean, self._std)

    def feature_maps(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Maps of all scales, each ``[image, d, row, column]``."""
        self._check_batch(x)
        maps = read_maps(self.backbone(x))
        wide = [m.shape[1] for m in maps if m.shape[1] != self.prototypes.shape[1]]
        if wide or int(self._scale.max()) >= len(maps):
            raise ModelError(
                expected=f"maps of width {self.prototypes.shape[1]} for scales 0 to {int(self._scale.max())}",
                got=f"{len(maps)} maps of widths {[m.shape[1] for m in maps]}",
                fix="Wrap the backbone in Features(backbone, channels, d).",
            )
        self._shapes = [(int(m.shape[2]), int(m.shape[3])) for m in maps]
        return maps

    def feature_map(self, x: torch.Tensor) -> torch.Tensor:
        """The map of the first scale, ``[image, d, row, column]``."""
        return self.feature_maps(x)[0]

    def distances(self, x: torch.Tensor) -> torch.Tensor:
        """Squared L2 distances ``[image, prototype, row, column]``, on the grid of the finest scale."""
        return self._over_scales(self.feature_maps(x), squared_distances)

    def similarity_maps(self, x: torch.Tensor) -> torch.Tensor:
        """Similarity of every place to every prototype, ``[image, prototype, row, column]``.

        With several scales all are shown on the grid of the finest: a coarse place fills the fine places it covers.
        """
        return self._over_scales(self.feature_maps(x), lambda z, p: similarity(self.similarity, z, p))

    def similarities(self, x: torch.Tensor) -> torch.Tensor:
        """``[image, prototype]``: the largest similarity over the places."""
        return self.similarity_maps(x).amax((2, 3))

    def logits(self, x: torch.Tensor, *, weights: torch.Tensor | None = None) -> torch.Tensor:
        """``[image, class]``: similarities times weights, and nothing else.

        Args:
            x: as `prepare` gives it.
            weights: ``[class, prototype]`` to use instead of the network's own.
        """
        return self.from_similarities(self.similarities(x), weights)

    def from_similarities(self, values: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
        """Logits ``[..., class]`` of similarities ``[..., prototype]``."""
        if weights is None and self.groups is not None and not self.groups.linear:
            return self.groups(values, self._factors)
        return values @ (self.weights if weights is None else weights.to(values)).T

    def contributions(self, x: torch.Tensor) -> torch.Tensor:
        """``[image, class, prototype]``: what each prototype adds to each logit; their sum is the logit."""
        values = self.similarities(x)
        if self.groups is not None and not self.groups.linear:
            return self.groups.contributions(values, self._factors)
        return values[:, None] * self.weights

    def place_logits(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of every place by itself, ``[image, class, row, column]``: a segmentation."""
        return self.from_similarities(self.similarity_maps(x).movedim(1, -1)).movedim(-1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits ``[image, class]``."""
        return self.logits(x)

    def keep_only(self, keep: Sequence[int] | np.ndarray) -> None:
        """Drop all prototypes but these, with their weights and sources (used by `prune`).

        Raises:
            InputError: no prototype left, or one that does not exist.
        """
        index = np.asarray(keep, np.int64)
        if index.ndim != 1 or not len(index) or index.min() < 0 or index.max() >= self.n_prototypes:
            raise InputError(
                expected=f"prototypes from 0 to {self.n_prototypes - 1}", got=str(keep)[:60], fix="Keep at least one."
            )
        if self.groups is not None:
            raise InputError(
                expected="a network without groups", got="groups", fix="Prune before the groups are learnt."
            )
        rows = torch.from_numpy(index).to(self._owner.device)
        self.prototypes = nn.Parameter(self.prototypes.detach()[rows].clone())
        self.class_weights = nn.Parameter(self.class_weights.detach()[:, rows].clone())
        self._owner, self._scale = self._owner[rows], self._scale[rows]
        self.sources = None if self.sources is None else self.sources.take(index)

    def save(self, folder: str | Path, *, images: bool = True) -> Path:
        """Write arrays (safetensors) and a card (JSON) into a folder; `PrototypeNetwork.load` reads it.

        Args:
            folder: made if it is not there.
            images: False leaves out the pixels of the sources, for data that can be had again.
        """
        from interpwidgets.prototypes.saving import save

        return save(self, Path(folder), images=images)

    @classmethod
    def load(cls, folder: str | Path, *, backbone: nn.Module | None = None, images: Any = None) -> PrototypeNetwork:
        """Read what `save` wrote; nothing is unpickled.

        Args:
            folder: as `save` wrote it.
            backbone: a module of the same shape, whose weights are then filled; not needed for `PartBackbone`.
            images: for a folder saved without them, the training images, or a function from indices to them.
        """
        from interpwidgets.prototypes.saving import load

        return load(Path(folder), backbone, images=images)

    def _check_batch(self, x: torch.Tensor) -> None:
        height, width = self.image_size
        if not isinstance(x, torch.Tensor) or x.ndim != 4 or x.shape[1:] != (3, height, width):
            raise InputError(
                expected=f"a batch of shape [image, 3, {height}, {width}]",
                got=f"shape {list(x.shape)}" if hasattr(x, "shape") else type(x).__name__,
                fix="Prepare images first: net.prepare(images).",
            )

    def _over_scales(self, maps: list[torch.Tensor], measure: Any) -> torch.Tensor:
        if len(maps) == 1:
            return measure(maps[0], self.prototypes)
        rows, columns = max(int(m.shape[2]) for m in maps), max(int(m.shape[3]) for m in maps)
        out = maps[0].new_zeros(len(maps[0]), self.n_prototypes, rows, columns)
        for scale, z in enumerate(maps):
            mine = (self._scale == scale).nonzero()[:, 0]
            if len(mine):
                values = measure(z, self.prototypes[mine])
                spread = torch.nn.functional.interpolate(values, size=(rows, columns), mode="nearest")
                out = out.index_copy(1, mine, spread)
        return out
