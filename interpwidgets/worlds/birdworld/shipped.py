"""What ships in the wheel: where the weights lie, the sets they were trained and tested on, and how to load them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from .draw import Birds, draw

if TYPE_CHECKING:
    from interpwidgets.prototypes import PrototypeNetwork

TRAIN, TEST = 4000, 800
TRAIN_SEED, TEST_SEED = 0, 1


def folder() -> Path:
    """The shipped weights: ``network`` is the prototype network, ``vit`` a vision transformer in Hugging Face form."""
    return Path(__file__).parent / "weights"


@lru_cache(1)
def train_set() -> Birds:
    """The birds that the shipped networks learnt from, drawn again (10 to 30 seconds the first time)."""
    return draw(TRAIN, seed=TRAIN_SEED)


@lru_cache(1)
def test_set() -> Birds:
    """The birds that the numbers of the card are measured on, drawn again."""
    return draw(TEST, seed=TEST_SEED)


def network() -> PrototypeNetwork:
    """The shipped prototype network; ``iw.load("birdworld")`` gives it too.

    The training images behind its prototypes do not ship: they are drawn again, which takes a moment.
    """
    from interpwidgets.prototypes.saving import load

    return load(folder() / "network", images=lambda rows: draw(rows.tolist(), seed=TRAIN_SEED).images)
