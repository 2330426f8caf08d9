"""Pictures for the README and for looking: `python -m tests.browser.screenshots`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_pictures(lab, new_page):  # type: ignore[no-untyped-def] - the fixtures of conftest
    """Light and dark, wide and narrow; the light wide one is the README's."""
    out = ROOT / "tests" / "browser" / "shots"
    out.mkdir(exist_ok=True)
    lab.write(
        "picture.ipynb",
        "import interpwidgets as iw\n\nlm = iw.load('storyworld')\n"
        "trace = lm.trace('Mary and Tom went to the park. Tom gave the ball to')\n"
        "view = iw.AttentionView(trace, layer=1, head=1, query=-1, key=9)\nview",
    )
    for dark in (False, True):
        for width in (1400, 760):
            page = new_page(width=width, height=1000, dark=dark)
            notebook = lab.open(page, "picture.ipynb", dark=dark)
            page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
            notebook.run_all()
            page.wait_for_selector(".iw-value")
            page.locator(".iw").screenshot(path=out / f"attention-{'dark' if dark else 'light'}-{width}.png")
    assert len({path.read_bytes() for path in out.glob("attention-*.png")}) == 4, "each is a picture of its own"
    image = ROOT / "notebooks" / "images" / "attention.png"
    image.parent.mkdir(exist_ok=True)
    image.write_bytes((out / "attention-light-1400.png").read_bytes())


def test_pictures_of_the_other_views(new_page, tmp_path):  # type: ignore[no-untyped-def] - a fixture of conftest
    """Every other view on the bundled models as a static page; some light wide ones are the README's."""
    import interpwidgets as iw
    from interpwidgets.worlds import birdworld

    lm = iw.load("storyworld")
    woman = iw.targets.feature(iw.load_dictionary("storyworld/resid_post.2"), 871, lm=lm)
    birds, pictured = iw.load("birdworld"), birdworld.draw(8, seed=2).images
    trace = lm.trace("Mary and Tom went to the park. Tom gave the ball to")
    views = {
        "token": iw.TokenView(trace, position=-1),
        "lens": iw.LensView(trace, position=-1),
        "attribution": iw.AttributionView(trace, "Mary", "Tom"),
        "vector": iw.VectorView(lm, trace["resid_post.2"][-1]),
        "neurons": iw.NeuronView(lm, trace),
        "generation": iw.GenerationView(iw.generation_trace(lm, trace.text, max_new_tokens=40)),
        "steering": iw.SteeringPanel(
            lm,
            "Mary and Tom went to the park. Tom washed",
            [woman],
            words=["her", "his"],
            strengths={woman.name: 5.0},
            temperature=0.7,
        ),
        "prototypes": iw.PrototypeView(birds, pictured, reasons=iw.prototype_reasons(birds, pictured[0])),
    }
    out = ROOT / "tests" / "browser" / "shots"
    out.mkdir(exist_ok=True)
    for name, view in views.items():
        view.to_html(tmp_path / f"{name}.html", max_bytes=1_000_000)
        pictures = set()
        for dark in (False, True):
            for width in (1180, 720, 380):
                page = new_page(width=width, height=900, dark=dark)
                page.goto((tmp_path / f"{name}.html").as_uri())
                page.wait_for_selector(".iw-words:not(:empty)")
                root = page.locator(".iw")
                assert root.get_attribute("data-theme") == ("dark" if dark else "light"), name
                assert root.locator(".iw-problem").is_hidden(), (name, root.locator(".iw-problem").inner_text())
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
                pictures.add(root.screenshot(path=out / f"{name}-{'dark' if dark else 'light'}-{width}.png"))
        assert len(pictures) == 6, (name, "each is a picture of its own")
    for name in ("lens", "attribution", "steering", "prototypes"):
        (ROOT / "notebooks" / "images" / f"{name}.png").write_bytes((out / f"{name}-light-1180.png").read_bytes())


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q"]))
