"""The eight species, and the concepts that tell them apart.

No single concept names a species: every value belongs to two or more of them, and each species has a twin that differs
in exactly one concept. So a classifier must look at several parts, and a wrong shortcut can be seen.
"""

from __future__ import annotations

from typing import NamedTuple

HEADS = ("red", "orange", "yellow", "green", "blue", "violet")
WINGS = ("plain", "bars", "spots")
BELLIES = ("smooth", "speckled", "striped")
BEAKS = ("short", "long", "hooked")
BACKGROUNDS = ("sky", "forest", "sea", "sand")
CONCEPTS = {"head": HEADS, "wing": WINGS, "belly": BELLIES, "beak": BEAKS}
PARTS = ("tail", "leg", "body", "belly", "wing", "head", "beak", "eye")


class Species(NamedTuple):
    """What a species looks like; body colour, size, pose, contrast and background are left to chance."""

    name: str
    head: str
    wing: str
    belly: str
    beak: str


SPECIES = (
    Species("ember barwing", "red", "bars", "smooth", "short"),
    Species("ember dotwing", "red", "spots", "smooth", "short"),
    Species("frost speckle", "blue", "bars", "speckled", "long"),
    Species("frost stripe", "blue", "bars", "striped", "long"),
    Species("sun lancebill", "yellow", "plain", "striped", "long"),
    Species("sun hookbill", "yellow", "plain", "striped", "hooked"),
    Species("gold hawklet", "yellow", "spots", "speckled", "hooked"),
    Species("azure hawklet", "blue", "spots", "speckled", "hooked"),
)
CLASSES = tuple(species.name for species in SPECIES)

# Twins live apart, so a background that goes with the species gives away exactly what is hard to see.
HOMES = ("sky", "forest", "sea", "sand", "forest", "sky", "sand", "sea")


def difference(first: int, second: int) -> tuple[str, ...]:
    """The concepts in which two species differ."""
    return tuple(name for name in CONCEPTS if getattr(SPECIES[first], name) != getattr(SPECIES[second], name))


def twin(label: int) -> int:
    """The species that differs in one concept only."""
    return next(other for other in range(len(SPECIES)) if len(difference(label, other)) == 1)
