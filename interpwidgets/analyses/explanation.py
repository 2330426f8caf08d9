"""Is this what the feature fires on? A rule, checked on text that nobody looked at."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm.auto import tqdm

from interpwidgets.analyses.given import check_model
from interpwidgets.analyses.held_out import HeldOut
from interpwidgets.analyses.replacement import check_features, run_ways
from interpwidgets.analyses.splice import sites_of
from interpwidgets.dictionaries.checks import whole
from interpwidgets.dictionaries.protocol import Dictionary
from interpwidgets.errors import InputError, ModelError
from interpwidgets.records.explanation import ExplanationCheck
from interpwidgets.records.feature import Example
from interpwidgets.records.rule import Rule

if TYPE_CHECKING:
    from interpwidgets.models import Model


def check_explanation(
    lm: Model,
    dictionary: Dictionary,
    feature: int,
    rule: Any,
    corpus: Any,
    *,
    threshold: float = 0.0,
    examples: int = 10,
    width: int = 24,
    context: int | None = None,
    batch_tokens: int = 2048,
    seed: int = 0,
    progress: bool = True,
) -> ExplanationCheck:
    """Hold an explanation of a feature against text: does the feature fire where the rule says, and does that do?

    Two questions, and a rule may pass one and fail the other. As a predictor: precision, recall and F1 of "fires", and
    the places where it is wrong. As a stand-in: the feature gets the values the rule says, everything else of the model
    stays, and the loss tells whether the rule knows what matters. A yes or no has no strength, so the feature's own
    values are dealt out to the rule's tokens: the rule decides where, not how much (Paulo and Belrose 2025, "Partially
    Rewriting a Transformer in Natural Language"). Above the line of switching the feature off, a rule is worse than
    nothing.

    Args:
        lm: the model.
        dictionary: any kind, with its site set.
        feature: which.
        rule: a list of tokens, ``["dog", "cat"]``; a regular expression, ``re.compile("dogs?")``, matched over the text
            of a window, where a token counts that a match touches; or a function ``(tokens: Tokens) -> [token]`` of
            truth values or numbers, of which those above 0 say that the feature fires.
        corpus: text that the rule was not made from; whatever `build_index` takes.
        threshold: the feature fires where its value is above this.
        examples: how many misses, false alarms and hits to show at most.
        width: tokens shown around each.
        context: tokens read together; by default the model's context.
        batch_tokens: tokens of one forward pass.
        seed: of what is drawn: the order among ties, and the shuffled tokens.
        progress: show a bar.

    Raises:
        InputError: a dictionary of another model, a feature that does not exist, a rule that is none or fails, a token
            that the vocabulary does not have, no text.
    """
    check_model(lm)
    sites_of(lm, dictionary)
    (feature,) = check_features([feature], dictionary.n_features)
    rule = Rule.of(rule)
    check_words(lm, rule)
    whole("examples", examples, 0, 1000)
    whole("width", width, 1, 2**16)
    if not isinstance(threshold, int | float) or not np.isfinite(threshold):
        raise InputError(expected="a finite threshold", got=repr(threshold), fix="Leave it out for 0.")
    with tqdm(desc=f"feature {feature} by a rule", disable=not progress, unit="window") as bar:
        text = HeldOut(lm, dictionary, [feature], corpus, context=context, batch_tokens=batch_tokens, step=bar.update)
        return explanation_of(text, rule, threshold=threshold, examples=examples, width=width, seed=seed, bar=bar)


def explanation_of(
    text: HeldOut,
    rule: Rule,
    *,
    threshold: float = 0.0,
    examples: int = 10,
    width: int = 24,
    seed: int = 0,
    bar: Any = None,
) -> ExplanationCheck:
    """The check of one rule on text that was read already: several rules about one feature need to read it once."""
    bar = tqdm(disable=True) if bar is None else bar
    feature = text.features[0]
    said = text.simulated(lambda _, tokens: rule(tokens))
    values, numbers = text.values[:, 0], said[:, 0]
    fires = text.counted & (values > threshold)
    yes = text.counted & (numbers > 0)
    hit, miss, alarm = fires & yes, fires & ~yes, yes & ~fires
    draw = np.random.default_rng(seed).random(len(values))
    strongest = np.lexsort((draw, -values))
    surest = np.lexsort((draw, -numbers))
    groups = (("miss", miss, strongest), ("false alarm", alarm, surest), ("hit", hit, strongest))
    return ExplanationCheck(
        name=text.dictionary.name,
        feature=feature,
        label=text.dictionary.labels[feature],
        rule=rule.text,
        threshold=float(threshold),
        tokens=int(text.counted.sum()),
        hits=int(hit.sum()),
        misses=int(miss.sum()),
        false_alarms=int(alarm.sum()),
        examples=tuple(e for name, where, order in groups for e in _shown(text, name, where, order, examples, width)),
        missed_words=_words(text, miss),
        alarm_words=_words(text, alarm),
        replacement=run_ways(text, said, error=True, seed=seed, bar=bar),
    )


def check_words(lm: Model, rule: Rule) -> None:
    """Raise for a token that no text of this model can hold; it would never fire and nobody would know why."""
    if not rule.words:
        return
    try:
        known = lm.vocabulary.texts
    except ModelError:
        return
    spelled = set(known) | {text.strip() for text in known}
    missing = [word for word in rule.words if word not in spelled]
    if missing:
        raise InputError(
            expected=f"tokens of the vocabulary of {lm.name}",
            got=", ".join(map(repr, missing[:5])),
            fix='A word of several tokens needs a pattern: re.compile("word"), in a page /word/.',
        )


def _shown(text: HeldOut, group: str, where: np.ndarray, order: np.ndarray, most: int, width: int) -> list[Example]:
    """The first places in an order, of as many windows as possible."""
    places = order[where[order]]
    windows = np.searchsorted(text.starts, places, side="right") - 1
    _, first = np.unique(windows, return_index=True)
    later = np.setdiff1d(np.arange(len(places)), first)
    return [_example(text, group, int(windows[i]), int(places[i]), width) for i in [*np.sort(first), *later][:most]]


def _example(text: HeldOut, group: str, window: int, place: int, width: int) -> Example:
    span, piece, tokens = text.span(window), text.windows[window], text.tokens[window]
    position = place - span.start
    low = max(0, min(position - width // 2, len(tokens) - width))
    high = min(len(tokens), low + width)
    values = np.where(text.counted[span], text.values[span, 0], 0)[low:high]
    return Example(
        group, piece.document, piece.start + position, piece.start + low, position - low,
        tokens.part(low, high), values.astype(np.float32), float(text.values[place, 0]),
    )  # fmt: skip


def _words(text: HeldOut, where: np.ndarray) -> tuple[tuple[str, int], ...]:
    """The tokens at some places, the most frequent first."""
    counts: Counter[str] = Counter()
    for window in np.unique(np.searchsorted(text.starts, np.flatnonzero(where), side="right") - 1):
        said = text.tokens[window].texts
        counts.update(said[i] for i in np.flatnonzero(where[text.span(int(window))]))
    return tuple(counts.most_common(20))
