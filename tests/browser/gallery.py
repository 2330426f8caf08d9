"""The gallery: every widget in every hard state as one page, `python -m tests.browser.gallery FILE`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from interpwidgets._core import page
from interpwidgets._core.widget import Widget
from tests.browser import (
    fixtures,
    fixtures_attribution,
    fixtures_denoising,
    fixtures_exemplars,
    fixtures_feature_values,
    fixtures_features,
    fixtures_generation,
    fixtures_lens,
    fixtures_neurons,
    fixtures_prototypes,
    fixtures_quiz,
    fixtures_steering,
    fixtures_token,
    fixtures_vector,
)

OTHERS = {
    "token": fixtures_token,
    "lens": fixtures_lens,
    "attribution": fixtures_attribution,
    "vector": fixtures_vector,
    "neurons": fixtures_neurons,
    "generation": fixtures_generation,
    "features": fixtures_features,
    "feature_values": fixtures_feature_values,
    "denoising": fixtures_denoising,
    "steering": fixtures_steering,
    "quiz": fixtures_quiz,
    "prototypes": fixtures_prototypes,
    "exemplars": fixtures_exemplars,
}


def views() -> dict[str, tuple[str, Widget]]:
    """Name -> what to look for, and the view; attention's names stand alone."""
    found: dict[str, tuple[str, Widget]] = dict(fixtures.views())
    for widget, planted in OTHERS.items():
        found.update(
            {f"{widget}: {name.removeprefix(widget).strip('-') or 'plain'}": e for name, e in planted.views().items()}
        )
    return found


def write(path: Path | None = None, states: dict[str, tuple[str, Any]] | None = None) -> str:
    """The page of all of them, or of the states given."""
    items = []
    for name, (note, view) in (views() if states is None else states).items():
        item = view.static_item(max_bytes=1_000_000)
        items.append(page.Item(name=item.name, state=item.state, heading=name, note=note))
    return page.write(
        items, path, title="Every widget, every hard state", intro="From planted arrays, for front-end work."
    )


def section(page: Any, name: str) -> Any:
    """One view of the gallery, open in a browser."""
    return page.locator("section", has=page.get_by_role("heading", name=name, exact=True))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
