"""SteeringPanel in states that are hard to draw, from planted arrays: no model is needed.

A planted model's next token follows ``softmax(base + sum of change(target) * pull(target))`` in closed form, so every
number in the page can be worked out by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

import interpwidgets as iw
from interpwidgets._core.widget import Widget
from interpwidgets.errors import InputError, ModelError
from interpwidgets.models.site import Site
from interpwidgets.records import Tokens
from interpwidgets.records.steered_tokens import SteeredTokens
from interpwidgets.records.steering import SteeringTarget
from interpwidgets.records.vocabulary import Vocabulary
from interpwidgets.records.written import Written
from interpwidgets.widgets.steering import SteeringPanel

WORDS = [
    *(" smiled", " cried", " saw", " ran", " the", " park", " home", " happy", " sad", " and", " was", " went"),
    *(" Tom", " Mary", " ball", " gave", " to", " a", " red", " blue", " dog", " cat", " ."),
]
HARD = ["<b>bold</b>", " שלום", " 日本", "\n", "</script>", " averyveryverylongtokenthatgoesonandon", " &amp;"]
FROZEN = 0.6  # the share of a change that survives frozen attention in the planted model


def softmax_log(x: np.ndarray) -> np.ndarray:
    """Log-probabilities of logits."""
    shifted = x - x.max()
    return shifted - np.log(np.exp(shifted).sum())


class PlantedModel:
    """The few things a panel asks of a model."""

    def __init__(self, words: Sequence[str], why_not_frozen: str | None = None) -> None:
        self.vocabulary = Vocabulary(words)
        self.why_not_frozen = why_not_frozen
        self.sites = [Site("resid_post", layer) for layer in range(4)]
        random = np.random.default_rng(3)
        self.base = random.normal(size=len(words)) * 1.4
        self.runs = 0

    def pull(self, name: str) -> np.ndarray:
        """What one unit of a target adds to the logits."""
        random = np.random.default_rng(sum(map(ord, name)))
        direction = random.normal(size=len(self.base)) * 0.25
        direction[:2] = [0.9, -0.9]
        return direction

    def log(self, targets: Sequence[SteeringTarget], strengths: Sequence[float | None], attention: str) -> np.ndarray:
        """Log-probabilities of the next token."""
        share = FROZEN if attention == "frozen" else 1.0
        logits = self.base.copy()
        for target, strength in zip(targets, strengths, strict=True):
            if strength is None or strength == target.neutral:
                continue
            change = {"add": strength, "clamp": strength - 1.0, "scale": strength - 1.0, "ablate": -strength}
            logits = logits + share * change[target.mode] * self.pull(target.name)
        return softmax_log(logits)


class PlantedSession:
    """A session in closed form: the same methods, without a model."""

    def __init__(self, lm: PlantedModel, prompt: Any) -> None:
        text = prompt if isinstance(prompt, str) else " ".join(str(one) for one in prompt)
        if not text.strip():
            raise InputError(expected="a prompt", got="no text", fix="Write a few words.")
        self.lm = lm
        pieces = [f" {word}" if i else word for i, word in enumerate(text.split())]
        self.tokens = Tokens(texts=tuple(pieces))
        self.ids = list(range(len(pieces)))
        self.unsteered = softmax_log(lm.base).astype(np.float32)

    def steered(
        self, targets: Any, strengths: Any, *, positions: Any = "all", attention: str = "live"
    ) -> SteeredTokens:
        """Rows of strengths, in closed form."""
        self.lm.runs += 1
        rows = [list(row) for row in strengths]
        # Steering only what is generated cannot reach the next token.
        log = np.stack(
            [self.unsteered if positions == "generated" else self.lm.log(targets, row, attention) for row in rows]
        ).astype(np.float32)
        kl = (np.exp(log) * (log - self.unsteered)).sum(1).astype(np.float32)
        strengths = tuple(tuple(row) for row in rows)
        return SteeredTokens(log, kl, strengths, self.unsteered, tuple(self.lm.vocabulary.texts))

    def divergence(
        self, targets: Any, rows: Any, *, positions: Any = "all", attention: str = "live", per_token: bool = False
    ) -> np.ndarray:
        """Half of the next token's KL."""
        return 0.5 * self.steered(targets, rows, attention=attention).kl.astype(np.float64)

    def kept(
        self, targets: Any, start: Any, wanted: Any, limit: float, *, positions: Any = "all", attention: str = "live"
    ) -> tuple[float | None, ...]:
        """Bisection along the way."""
        neutral = [0.0 if target.neutral is None else target.neutral for target in targets]
        begin = [n if s is None else s for s, n in zip(start, neutral, strict=True)]
        fits = lambda row: self.divergence(targets, [row], attention=attention)[0] <= limit  # noqa: E731
        if fits(wanted):
            return tuple(wanted)
        begin = begin if fits(begin) else neutral
        low, high = 0.0, 1.0
        at = lambda t: [a + t * ((a if b is None else b) - a) for a, b in zip(begin, wanted, strict=True)]  # noqa: E731
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if fits(at(middle)) else (low, middle)
        return tuple(at(low))

    def limits(
        self, targets: Any, strengths: Any, limit: float, *, only: Any, **place: Any
    ) -> list[tuple[float, float]]:
        """The two ends of each, the others held."""
        ends = []
        for i, target in ((i, targets[i]) for i in only):
            pair = []
            for end in (target.low, target.high):
                wanted = [end if j == i else s for j, s in enumerate(strengths)]
                pair.append(self.kept(targets, strengths, wanted, limit, **place)[i])
            ends.append((pair[0], pair[1]))
        return ends

    def close(self) -> None:
        """Nothing to free."""


class PlantedWriter:
    """Writes words that depend on the steering a little."""

    def __init__(self, lm: PlantedModel, steering: Any, attention: str, tokens: int, per_call: int = 3) -> None:
        self.lm, self.tokens, self.per_call = lm, tokens, per_call
        self.log = softmax_log(lm.base) if steering is None else lm.log(steering.targets, steering.strengths, attention)
        self.count = 0

    @property
    def done(self) -> bool:
        """Whether all was written."""
        return self.count >= self.tokens

    def more(self, seconds: float = 0.06) -> list[Written]:
        """A few tokens."""
        out = []
        for _ in range(min(self.per_call, self.tokens - self.count)):
            order = np.argsort(-self.log)
            noise = (self.count * 7) % 5
            j = int(order[noise if noise < 2 else (self.count * 3) % len(order)])
            out.append(Written(j, self.lm.vocabulary.texts[j], float(np.exp(self.log[j]))))
            self.count += 1
        return out


class PlantedPanel(SteeringPanel):
    """The panel over a planted model."""

    def _open(self, prompt: Any) -> PlantedSession:
        return PlantedSession(self._lm, prompt)

    def _found(self, given: Any, prompt: Any) -> list[SteeringTarget]:
        if given is None:
            return []
        return [target(one) if isinstance(one, str) else one for one in given]

    def _why_not_frozen(self) -> str | None:
        return self._lm.why_not_frozen

    def _open_writer(self, session: Any, steering: Any, attention: str, sampling: dict[str, Any]) -> PlantedWriter:
        return PlantedWriter(self._lm, steering, attention, sampling["max_new_tokens"])

    def _perplexity(self, session: Any, ids: list[int]) -> float:
        return float(np.exp(-np.mean([session.unsteered[i] for i in ids])))


def target(name: str, label: str = "", **given: Any) -> SteeringTarget:
    """A target of the planted model."""
    return SteeringTarget(
        **{
            "name": name,
            "kind": "feature",
            "mode": "add",
            "modes": ("add", "clamp", "scale", "ablate"),
            "sites": ("resid_post.2",),
            "site_in": "resid_post.2",
            "write": np.ones(4, dtype=np.float32),
            "feature": 7,
            "label": label,
            "low": -6.0,
            "high": 6.0,
            "reach": 6.0,
            "dictionary": SimpleNamespace(),
            **given,
        }
    )


def head(name: str = "head 2.1") -> SteeringTarget:
    """A head that can only be scaled."""
    return target(
        name, "", kind="head", mode="scale", modes=("scale", "ablate"), low=0.0, high=3.0, write=None, head=1,
        sites=("head_out.2",), site_in="head_out.2",
    )  # fmt: skip


HAPPY = ("happy minus sad", "happy characters, good endings")
PROMPT = "Mary and Tom went to the park. Tom was happy and"


def planted(
    targets: Sequence[Any] | None = None, vocabulary: Sequence[str] = WORDS, *, lm: Any = None, **traits: Any
) -> PlantedPanel:
    """A panel over a planted model."""
    given = [target(*HAPPY), head()] if targets is None else list(targets)
    given_model: Any = lm or PlantedModel(vocabulary)
    return PlantedPanel(given_model, traits.pop("prompt", PROMPT), given, **traits)


def views() -> dict[str, tuple[str, Widget]]:
    """Name -> what to look for, and the view."""
    happy = target(*HAPPY)
    long = target("resid_post.2/871", "a very long label that says far more than anyone could want to read about " * 2)
    eight = [target(f"resid_post.2/{100 + i}", f"planted factor {i}") for i in range(8)]
    reason = "this family computes its attention elsewhere"
    return {
        "steering": (
            "Two sliders, one steered: the words shift, the text differs.",
            planted(strengths={"happy minus sad": 2.5}, words=["smiled", "cried", "saw"]),
        ),
        "steering-none": ("No targets yet: what to do.", planted([])),
        "steering-one": ("One slider at neutral: nothing differs.", planted([happy], words=["cried"])),
        "steering-eight": ("Eight sliders, each recorded alone.", planted(eight, strengths={eight[0].name: -3.0})),
        "steering-both": (
            "Live and frozen attention side by side.",
            planted([happy], attention="both", strengths={happy.name: 3.0}),
        ),
        "steering-limit": (
            "A limit that holds the slider back, in words.",
            planted([happy], limit=0.2, strengths={happy.name: 5.0}),
        ),
        "steering-hard": (
            "Markup, right-to-left, a line break, a long token, a very long label; clamped.",
            planted(
                [long],
                [*HARD, *WORDS[:6]],
                strengths={long.name: 2.0},
                modes={long.name: "clamp"},
                prompt="<i>Mary</i> said שלום to\nTom </script>",
            ),
        ),
        "steering-fixed": (
            "A model whose attention cannot be frozen; steered from token 4 on.",
            planted([happy], lm=PlantedModel(WORDS, reason), positions=4, strengths={happy.name: None}),
        ),
    }


__all__ = ["ModelError", "PlantedModel", "PlantedPanel", "iw", "planted", "target", "views"]
