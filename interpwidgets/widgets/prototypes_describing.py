"""What PrototypeView tells its page before any image is compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interpwidgets._core.wire import well_formed
from interpwidgets.widgets.prototypes_sides import Side


def describe_shows(sides: Sequence[Side], gallery: bool) -> list[dict[str, str | None]]:
    """What may stand side by side, and why not where it may not."""
    count = len(sides[0])
    what = "text" if sides[0].text else "image"
    return [
        {"name": "image", "label": f"one {what}", "reason": None},
        {"name": "images", "label": f"two {what}s", "reason": None if count > 1 else f"Give the view two {what}s"},
        {"name": "classes", "label": "two classes", "reason": None if count else "Give the view an image"},
        {
            "name": "models",
            "label": "two models",
            "reason": None if len(sides) > 1 else "Give the second network as compare=",
        },
        {
            "name": "gallery",
            "label": "all prototypes",
            "reason": None if gallery else "Give exemplars=iw.prototype_exemplars(net, images)",
        },
    ]


def describe_model(side: Side) -> dict[str, Any]:
    """What is the same for every image of one network."""
    first = side.first
    flagged: Mapping[int, str] = side.everywhere.misleading if side.everywhere else {}
    return {
        "name": well_formed(first.name),
        "classes": [well_formed(name) for name in first.classes],
        "owner": [int(c) for c in first.prototype_class],
        "similarity": first.similarity,
        "pushed": first.pushed,
        "text": side.text,
        "grouped": not first.linear,
        "scales": None if first.scales is None else [int(s) for s in first.scales],
        "reasons": side.can_reason,
        "misleading": [[int(p), well_formed(why)] for p, why in sorted(flagged.items())],
    }
