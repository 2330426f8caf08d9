"""`interpwidgets demo`: a gallery page of the widgets on the bundled model, with nothing to download."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from interpwidgets.errors import InterpError

PROMPT = "Mary and Tom went to the park. Tom gave the ball to"
STORIES = 100  # what the index of features is built from
WOMAN = 871  # the feature that fires where the person told of last is a woman
STEERED = "Mary and Tom went to the park. Tom washed"
SWAPPED = "Mary and Tom went to the park. Mary gave the ball to"


def gallery(path: Path) -> Path:
    """Write the gallery page: each widget on storyworld, still interactive with no kernel and no network."""
    import interpwidgets as iw
    from interpwidgets._core import page
    from interpwidgets.worlds import birdworld, storyworld

    lm = iw.load("storyworld")
    trace, swapped = lm.trace(PROMPT), lm.trace(SWAPPED)
    dictionary = iw.load_dictionary("storyworld/resid_post.2")
    stories = [story.text for story in storyworld.generate(STORIES, seed=1)]
    index = iw.build_index(lm, dictionary, stories, progress=False)
    woman = iw.targets.feature(dictionary, WOMAN, lm=lm)
    birds, pictures = iw.load("birdworld"), birdworld.draw(8, seed=2).images
    shown = [
        (
            "Attention of one prompt",
            "Hover a head to preview it and click to lock it; hover a token to see where it looks and who looks at it.",
            iw.AttentionView(trace, layer=1, head=1, query=-1),
        ),
        (
            "Every head of the model",
            "Rows are layers, columns are heads. The line marks the pinned token in each.",
            iw.AttentionView(trace, query=-1, overview=True),
        ),
        (
            "Two prompts compared",
            "The giver exchanged. Orange: more attention in the first; blue: more in the second. The last word looks "
            "at the same places in both: what differs is who stands there.",
            iw.AttentionView(trace, swapped, query=12, show="difference", layer=2, head=3),
        ),
        (
            "What surprised the model",
            "Every token by what it cost; pin one to see what was expected instead.",
            iw.TokenView(trace),
        ),
        (
            "What each layer would say next",
            "The logit lens: the receiver comes up only at the end. Click a cell for its list.",
            iw.LensView(trace, position=-1),
        ),
        (
            "Which part wrote the answer",
            "The receiver's logit minus the giver's, split exactly. Click a head to see from which tokens it took it.",
            iw.AttributionView(trace, "Mary", "Tom"),
        ),
        (
            "What a vector says",
            "The residual stream after the third block, over the vocabulary.",
            iw.VectorView(lm, trace["resid_post.2"][-1]),
        ),
        (
            "Neurons by the tokens they write and read",
            "The list scrolls; click a neuron. Searching and clamping need the notebook.",
            iw.NeuronView(lm, trace=trace),
        ),
        (
            "Which features of a dictionary fire",
            "The strongest on this prompt, and below them what the dictionary misses. Click a feature to see the text "
            "by it, a token to see what explains it.",
            iw.FeatureView(trace, dictionary),
        ),
        (
            "Every feature of that dictionary",
            f"Where each fires in {STORIES} stories, and what it makes the model say. The names come from the latent "
            "factor that a feature detects best.",
            iw.FeatureBrowser(index),
        ),
        (
            "Steering: a feature turned up while you drag",
            "The feature says that the person told of last is a woman. Move the slider: the words and the text follow. "
            "This page holds the points of its curve; in the notebook every strength is answered.",
            iw.SteeringPanel(lm, STEERED, [woman], words=["her", "his"], strengths={woman.name: 5.0}, temperature=0.7),
        ),
        (
            "This looks like that, and why",
            "A bird, and the training patches that the network finds in it. Click a prototype, switch it off, change "
            "its weight: the prediction follows.",
            iw.PrototypeView(birds, pictures, reasons=iw.prototype_reasons(birds, pictures[0])),
        ),
        (
            "How a text was written",
            "Move the slider: which tokens could have been accepted together?",
            iw.GenerationView(iw.generation_trace(lm, PROMPT, max_new_tokens=40)),
        ),
    ]
    items = []
    for heading, note, view in shown:
        item = view.static_item(max_bytes=1_000_000)
        items.append(page.Item(name=item.name, state=item.state, heading=heading, note=note))
    intro = f"Made offline by interpwidgets {iw.__version__} from its bundled model, storyworld. Prompt: “{PROMPT}”"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.write(items, path, title="interpwidgets", intro=intro)
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="interpwidgets", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="write a gallery page of the widgets on the bundled model")
    demo.add_argument("--out", type=Path, default=Path("interpwidgets-demo.html"), help="where to write the page")
    options = parser.parse_args(arguments)
    try:
        path = gallery(options.out)
    except (InterpError, OSError) as error:
        print(f"interpwidgets: {error}", file=sys.stderr)
        return 1
    print(f"Wrote {path} ({path.stat().st_size / 1e6:.1f} MB): open it in any browser, also offline.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
