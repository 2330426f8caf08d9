"""One token that a model wrote, as a record."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Written:
    """One new token.

    Attributes:
        id: its number in the vocabulary.
        text: what it says where it stands.
        probability: what the model that wrote it gave it, before temperature, top-k and top-p.
    """

    id: int
    text: str
    probability: float
