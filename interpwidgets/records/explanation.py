"""How well a rule says when a feature fires, as a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from interpwidgets.records.feature import Example
from interpwidgets.records.replacement import ReplacementLosses, loss_figure, loss_lines


@dataclass(frozen=True, eq=False)
class ExplanationCheck:
    """A rule as a predictor of a feature on held-out text, and as its stand-in inside the model.

    `interpwidgets.analyses.explanation.check_explanation` makes it.

    Attributes:
        name: of the dictionary.
        feature: which.
        label: what the feature is called, or "".
        rule: the rule in words.
        threshold: the feature fires where its value is above this.
        tokens: how many tokens were looked at; those that stand for no text (``<s>``) are not.
        hits: tokens on which the feature fires and the rule says so.
        misses: on which it fires and the rule does not say so.
        false_alarms: on which the rule says so and the feature does not fire.
        examples: groups ``"miss"`` (the strongest first), ``"false alarm"`` and ``"hit"``.
        missed_words, alarm_words: the tokens missed and falsely named most often, as ``(text, how often)``.
        replacement: the losses with the rule in the feature's place.
    """

    name: str
    feature: int
    label: str
    rule: str
    threshold: float
    tokens: int
    hits: int
    misses: int
    false_alarms: int
    examples: tuple[Example, ...]
    missed_words: tuple[tuple[str, int], ...]
    alarm_words: tuple[tuple[str, int], ...]
    replacement: ReplacementLosses

    @property
    def fires(self) -> int:
        """Tokens on which the feature fires."""
        return self.hits + self.misses

    @property
    def predicted(self) -> int:
        """Tokens on which the rule says that it fires."""
        return self.hits + self.false_alarms

    @property
    def precision(self) -> float:
        """Share of the rule's yeses that are right; NaN where it never says yes."""
        return self.hits / self.predicted if self.predicted else float("nan")

    @property
    def recall(self) -> float:
        """Share of the firings that the rule finds; NaN where the feature never fires."""
        return self.hits / self.fires if self.fires else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, ``2 hits / (2 hits + misses + false alarms)``; NaN without either."""
        whole = 2 * self.hits + self.misses + self.false_alarms
        return 2 * self.hits / whole if whole else float("nan")

    @property
    def correlation(self) -> float:
        """Pearson correlation of the rule's numbers with the values over tokens; NaN where one of them is constant."""
        return float(self.replacement.correlation[0])

    @property
    def losses(self) -> dict[str, float]:
        """Mean next-token loss for each way to run, in nats; see `ReplacementLosses`."""
        return dict(self.replacement.losses)

    @property
    def recovered(self) -> float:
        """Share of the cost of switching the feature off that the rule saves; see `ReplacementLosses.recovered`."""
        return self.replacement.recovered

    def shown(self, group: str) -> list[Example]:
        """The examples of one group: ``"miss"``, ``"false alarm"`` or ``"hit"``."""
        return [example for example in self.examples if example.group == group]

    def summary(self) -> str:
        """The numbers as plain text."""
        called = f" {self.label!r}" if self.label else ""
        above = "" if self.threshold == 0 else f" above {self.threshold:g}"
        lines = [
            f"feature {self.feature}{called} of {self.name}, by the rule {self.rule}",
            f"{self.tokens} tokens: it fires{above} on {self.fires}, the rule says {self.predicted}",
            f"precision {self.precision:.3f}, recall {self.recall:.3f}, F1 {self.f1:.3f}, "
            f"correlation {self.correlation:.3f}",
        ]
        for what, words in (("missed", self.missed_words), ("false alarms", self.alarm_words)):
            if words:
                lines.append(f"{what}: " + ", ".join(f"{text!r} x {count}" for text, count in words[:6]))
        return "\n".join([*lines, *loss_lines(self.replacement)])

    def figure(self) -> Any:
        """What the rule costs in the feature's place, as bars beside the line of switching the feature off."""
        title = f"feature {self.feature}: F1 {self.f1:.3f}, precision {self.precision:.3f}, recall {self.recall:.3f}"
        return loss_figure(self.replacement, title)

    def __repr__(self) -> str:
        return self.summary()
