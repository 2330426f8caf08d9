"""A prototype model trained elsewhere, behind the package's protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from interpwidgets.errors import InputError, ModelError
from interpwidgets.prototypes.checks import check_classes, check_indices, check_matrix, check_size
from interpwidgets.prototypes.images import read_images, to_tensor
from interpwidgets.prototypes.places import cell
from interpwidgets.prototypes.sources import Sources


class AdaptedPrototypes:
    """A model of any make that gives similarity maps, with the rest of the protocol added; made by `adapt`."""

    def __init__(
        self,
        model: Any,
        maps: Callable[[torch.Tensor], torch.Tensor],
        weights: torch.Tensor,
        classes: tuple[str, ...],
        owner: np.ndarray,
        sources: Sources | None,
        image_size: tuple[int, int],
        scaling: tuple[torch.Tensor, torch.Tensor],
    ) -> None:
        self.model, self._maps, self._weights, self.classes = model, maps, weights, classes
        self._owner, self._sources, self.image_size, self._scaling = owner, sources, image_size, scaling

    def __repr__(self) -> str:
        return f"AdaptedPrototypes({type(self.model).__name__}, {self.n_prototypes} prototypes of {self.classes})"

    @property
    def n_prototypes(self) -> int:
        """How many prototypes there are."""
        return int(self._weights.shape[1])

    @property
    def weights(self) -> torch.Tensor:
        """``[class, prototype]``: what a similarity of 1 adds to each logit."""
        return self._weights

    @property
    def prototype_class(self) -> np.ndarray:
        """``[prototype]`` index of the class each prototype belongs to."""
        return self._owner

    @property
    def sources(self) -> Sources | None:
        """The training patches, where they were given."""
        return self._sources

    def prepare(self, images: Any) -> torch.Tensor:
        """Images as the model takes them, ``[image, 3, height, width]``."""
        return to_tensor(read_images(images, self.image_size), *self._scaling)

    def similarity_maps(self, x: torch.Tensor) -> torch.Tensor:
        """``[image, prototype, row, column]``, as the model's own callable gives them."""
        maps = self._maps(x)
        if not isinstance(maps, torch.Tensor) or maps.ndim != 4 or maps.shape[:2] != (len(x), self.n_prototypes):
            raise ModelError(
                expected=f"similarity maps of shape [{len(x)}, {self.n_prototypes}, row, column]",
                got=f"shape {list(maps.shape)}" if hasattr(maps, "shape") else type(maps).__name__,
                fix="Let similarity_maps return similarities before the maximum over places is taken.",
            )
        return maps

    def similarities(self, x: torch.Tensor) -> torch.Tensor:
        """``[image, prototype]``: the largest similarity over the places."""
        return self.similarity_maps(x).amax((2, 3))

    def logits(self, x: torch.Tensor, *, weights: torch.Tensor | None = None) -> torch.Tensor:
        """``[image, class]``: similarities times weights."""
        return self.similarities(x) @ (self._weights if weights is None else weights).T

    def place_box(self, place: tuple[int, int], map_shape: tuple[int, int]) -> tuple[int, int, int, int]:
        """The pixels ``(y0, x0, y1, x1)`` that one place of a map stands for: its stride cell."""
        return cell(place, map_shape, self.image_size)


def adapt(
    model: Any,
    *,
    similarity_maps: Callable[[torch.Tensor], torch.Tensor],
    weights: Any,
    classes: Sequence[str],
    image_size: int | tuple[int, int],
    prototype_class: Any = None,
    sources: Sources | None = None,
    mean: Sequence[float] = (0.485, 0.456, 0.406),
    std: Sequence[float] = (0.229, 0.224, 0.225),
    logits: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> AdaptedPrototypes:
    """Bring a ProtoPNet-style model of your own behind the protocol that views and analyses use.

        adapt(ppnet, similarity_maps=lambda x: ppnet.distance_2_similarity(ppnet.prototype_distances(x)),
              weights=ppnet.last_layer.weight, classes=names, image_size=224, logits=lambda x: ppnet(x)[0])

    Args:
        model: kept for reference; put in eval mode if it is a module.
        similarity_maps: ``x [image, 3, height, width] -> [image, prototype, row, column]``, larger is more alike.
        weights: ``[class, prototype]`` of the last layer.
        classes: names of the classes.
        image_size: what the model takes, in pixels.
        prototype_class: ``[prototype]``; by default the class with the largest weight.
        sources: the training patches, if they are known.
        mean, std: of the input channels, in 0 to 1; by default those of ImageNet.
        logits: the model's own logits, to check that similarities and weights explain them; best given.

    Raises:
        InputError: weights, classes or sources that do not belong together.
        ModelError: maps of another shape, or logits that are not the weighted sum of similarities.
    """
    names, size = check_classes(classes), check_size(image_size)
    table = check_matrix("weights", weights, (len(names), None))
    count = table.shape[1]
    owner = table.argmax(0).cpu().numpy() if prototype_class is None else prototype_class
    owner = check_indices("prototype_class", owner, count, len(names)).numpy()
    if sources is not None and len(sources) != count:
        raise InputError(expected=f"sources of {count} prototypes", got=str(len(sources)), fix="Give one for each.")
    device = torch.device("cpu")
    if isinstance(model, nn.Module):
        model.eval()
        device = next((p.device for p in model.parameters()), device)
    scaling = (check_matrix("mean", mean, (3,)).to(device), check_matrix("std", std, (3,)).to(device))
    made = AdaptedPrototypes(model, similarity_maps, table.to(device), names, owner, sources, size, scaling)
    noise = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0)).to(device)
    with torch.no_grad():
        explained = made.logits(noise)
        if logits is not None:
            said = logits(noise)
            apart = float((said - explained).abs().max()) if said.shape == explained.shape else float("inf")
            if not apart <= 1e-3 * max(1.0, float(said.abs().max())):
                raise ModelError(
                    expected="logits that are the weighted sum of the largest similarities",
                    got=f"a difference of {apart:.3g} on random images",
                    fix="Check the similarity (log, cosine), the pooling, and that the last layer has no bias.",
                )
    return made
