"""FeatureBrowser's answer to "does it fire on these?": a rule, checked on held-out text while the reader waits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from interpwidgets._core.requests import answers
from interpwidgets._core.wire import well_formed
from interpwidgets.errors import InputError
from interpwidgets.widgets.features_answers import check_feature, clipped, number, pack_examples

# Places shown of each kind; tokens missed most often.
SHOWN, NAMED = 5, 6
WAYS = ("simulated", "shuffled", "mean", "zero")
LONGEST = 1000


class RuleAnswers:
    """Mixed into the widget, which says with `_test_on` what rules are tested with."""

    _index: Any
    _tested_on: tuple[Any, Any, Any] | None = None
    _read_for: tuple[int, Any] | None = None

    def _test_on(self, lm: Any, dictionary: Any, held_out: Any) -> None:
        """Remember model, dictionary and text; all three or none."""
        given = {"lm": lm, "dictionary": dictionary, "held_out": held_out}
        missing = [name for name, value in given.items() if value is None]
        if len(missing) == len(given):
            return
        if missing:
            raise InputError(
                expected="lm, dictionary and held_out together",
                got=f"no {' and no '.join(missing)}",
                fix="A rule is tested by running the model on text: pass all three, or none.",
            )
        count = getattr(dictionary, "n_features", None)
        if count != self._index.n_features:
            raise InputError(
                expected=f"the dictionary of the index, with {self._index.n_features} features",
                got=f"one with {count}" if isinstance(count, int) else type(dictionary).__name__,
                fix="Pass the dictionary that the index was built from.",
            )
        self._tested_on = (lm, dictionary, held_out)

    @property
    def _tests_rules(self) -> bool:
        return self._tested_on is not None

    @answers("rule")
    def _rule(self, feature: int, rule: str) -> dict[str, Any]:
        """A rule as a reader types it, checked: how well it predicts, what it costs, where it is wrong."""
        from interpwidgets.analyses.explanation import check_words, explanation_of
        from interpwidgets.analyses.held_out import HeldOut
        from interpwidgets.records.rule import Rule

        check_feature(feature, self._index.n_features)
        if self._tested_on is None:
            raise InputError(
                expected="a browser that was given a model and text",
                got="an index alone",
                fix="Write FeatureBrowser(index, lm=lm, dictionary=dictionary, held_out=texts).",
            )
        lm, dictionary, text = self._tested_on
        wanted = Rule.of(rule_of(rule), text=rule.strip())
        check_words(lm, wanted)
        # Several rules are tried on one feature: its text is read once.
        if self._read_for is None or self._read_for[0] != feature:
            self._read_for = (feature, HeldOut(lm, dictionary, [feature], text))
        found = explanation_of(self._read_for[1], wanted, examples=SHOWN)
        check = found.replacement.sum_check
        losses = found.losses
        return {
            "tokens": found.tokens,
            **{name: getattr(found, name) for name in ("hits", "misses", "false_alarms")},
            **{
                name: number(getattr(found, name)) for name in ("precision", "recall", "f1", "correlation", "recovered")
            },
            "plain": losses.get("plain"),
            "added": [[way, found.replacement.added(way)] for way in WAYS if way in losses],
            "predictions": found.replacement.predictions,
            "examples": pack_examples([*found.shown("miss"), *found.shown("false alarm")]),
            "missed_words": _said(found.missed_words),
            "alarm_words": _said(found.alarm_words),
            "sum_check": check and {"law": check.law, "value": check.value, "holds": check.holds},
        }


def rule_of(text: str) -> Any:
    """Tokens with commas between them, or a regular expression between slashes, ``/dogs?/`` or ``/dogs?/i``."""
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
        raise InputError(
            expected=f"a rule of 1 to {LONGEST} characters",
            got=f"{len(text)} characters" if isinstance(text, str) else type(text).__name__,
            fix="Write tokens, as in dog, cat, or a pattern, as in /dogs?/.",
        )
    pattern = re.fullmatch(r"/(.+)/(i?)", text.strip(), re.DOTALL)
    if pattern is None:
        return [word.strip() for word in text.split(",") if word.strip()]
    try:
        return re.compile(pattern[1], re.IGNORECASE if pattern[2] else 0)
    except re.error as error:
        raise InputError(
            expected="a regular expression between the slashes", got=f"{pattern[1]!r}: {error}", fix="Mend the pattern."
        ) from None


def _said(words: tuple[tuple[str, int], ...] | Mapping[str, int]) -> list[list[Any]]:
    return [[clipped(well_formed(text), 24), count] for text, count in tuple(words)[:NAMED]]
