"""Features that take the values somebody simulated: what that costs the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm.auto import tqdm

from interpwidgets.analyses.given import check_model
from interpwidgets.analyses.held_out import HeldOut
from interpwidgets.analyses.quantiles import quantile_normalised
from interpwidgets.analyses.splice import sites_of
from interpwidgets.dictionaries.protocol import Dictionary
from interpwidgets.errors import InputError
from interpwidgets.records import Tokens
from interpwidgets.records.replacement import ReplacementLosses
from interpwidgets.records.rule import Rule

if TYPE_CHECKING:
    from interpwidgets.models import Model

Simulator = Callable[[int, Tokens], Any] | Mapping[int, Any]


def replacement_losses(
    lm: Model,
    dictionary: Dictionary,
    simulator: Simulator,
    corpus: Any,
    *,
    features: Sequence[int] | None = None,
    error: bool = True,
    context: int | None = None,
    batch_tokens: int = 2048,
    seed: int = 0,
    progress: bool = True,
) -> ReplacementLosses:
    """Rewrite features: let a simulator say how strongly they fire, and see what the model loses.

    If explanations said all there is to say, a model in which features take the values predicted from their
    explanations would be as good as before. Beside it stand the same features switched off, at their means, and with
    the same values on the wrong tokens (Paulo and Belrose 2025, "Partially Rewriting a Transformer in Natural
    Language").

    Args:
        lm: the model.
        dictionary: any kind, with its site set.
        simulator: ``(feature, tokens: Tokens) -> [token]`` numbers, larger where the feature should fire more; or a
            dict from feature to a rule (tokens, a compiled regular expression, or a function of tokens).
        corpus: texts that the simulator has not seen; whatever `build_index` takes.
        features: which to rewrite; by default those of the dict, or all.
        error: add what the dictionary leaves unsaid, so that only the features change. False runs on the dictionary
            alone, as the paper does; losses are then beside the dictionary's own.
        context: tokens read together; by default the model's context.
        batch_tokens: tokens of one forward pass.
        seed: of what is drawn: the order among ties, and the shuffled tokens.
        progress: show a bar.

    Returns:
        Losses of every way to run; ``.figure()`` draws them beside the line of switching off.

    Raises:
        InputError: a dictionary of another model, features that do not exist, no text, or a simulator that does not
            give one finite number for each token.
    """
    check_model(lm)
    sites_of(lm, dictionary)
    say, known = _simulator(simulator)
    chosen = check_features(known if features is None else features, dictionary.n_features)
    with tqdm(desc=f"rewriting {dictionary.name}", disable=not progress, unit="window") as bar:
        text = HeldOut(lm, dictionary, chosen, corpus, context=context, batch_tokens=batch_tokens, step=bar.update)
        return run_ways(text, text.simulated(say), error=error, seed=seed, bar=bar)


def run_ways(text: HeldOut, simulated: np.ndarray, *, error: bool, seed: int, bar: Any) -> ReplacementLosses:
    """Every way to run, on text that was read and with what a simulator said of it ``[token, feature]``."""
    counted, values = text.counted, text.values
    normal, shuffled, mean = values.copy(), values.copy(), values.copy()
    if counted.any():
        normal[counted] = quantile_normalised(simulated[counted], values[counted], seed=seed)
        shuffled[counted] = np.random.default_rng(seed + 1).permutation(normal[counted])
        mean[counted] = values[counted].mean(0, dtype=np.float64)
    ways = {"simulated": normal}
    if not np.isin(simulated, (0.0, 1.0)).all():
        ways["as given"] = np.where(counted[:, None], simulated, values).astype(np.float32)
    ways |= {"shuffled": shuffled, "mean": mean, "zero": np.where(counted[:, None], 0, values)}
    losses: dict[str, float] = {}
    if text.plain is not None:
        bar.reset(total=len(text.rows) * (len(ways) + (not error)))
        plain = float(text.plain.sum()) / text.predictions
        losses["plain"] = plain if error else text.loss(values, error=False, step=bar.update)
        for name, way in ways.items():
            losses[name] = text.loss(way, error=error, step=bar.update)
        if not error:
            losses["model"] = plain
    return ReplacementLosses(
        name=text.dictionary.name,
        features=np.asarray(text.features, np.int64),
        losses=losses,
        predictions=text.predictions,
        tokens=int(counted.sum()),
        fires=int((values[counted] > 0).any(1).sum()),
        correlation=np.array([correlation(simulated[counted, j], values[counted, j]) for j in range(values.shape[1])]),
        error=error,
        sum_check=text.check(),
    )


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's; NaN where one of them is constant."""
    if len(one) < 2 or one.min() == one.max() or other.min() == other.max():
        return float("nan")
    return float(np.corrcoef(one.astype(np.float64), other.astype(np.float64))[0, 1])


def check_features(features: Any, count: int) -> list[int]:
    """Numbers of features that exist, each once; None for all."""
    if features is None:
        return list(range(count))
    try:
        numbers = [int(f) if hasattr(f, "__index__") and not isinstance(f, bool) else -1 for f in features]
    except TypeError:
        numbers = [-1]
    if not numbers or len(set(numbers)) < len(numbers) or not all(0 <= f < count for f in numbers):
        raise InputError(
            expected=f"features from 0 to {count - 1}, each once",
            got=repr(features)[:60],
            fix="Pass a list of numbers.",
        )
    return numbers


def _simulator(given: Any) -> tuple[Callable[[int, Tokens], np.ndarray], list[int] | None]:
    """A function of feature and tokens, and the features it knows where that is said."""
    if isinstance(given, Mapping):
        rules = {feature: Rule.of(rule) for feature, rule in given.items()}
        return lambda feature, tokens: _known(rules, feature)(tokens), list(rules)
    if not callable(given):
        raise InputError(
            expected="a simulator: a function of feature and tokens, or a dict of rules",
            got=type(given).__name__,
            fix='Write {7: ["dog", "cat"]}, or a function (feature, tokens) -> one number for each token.',
        )
    return lambda feature, tokens: Rule.of(lambda t: given(feature, t), text=f"for feature {feature}")(tokens), None


def _known(rules: Mapping[int, Rule], feature: int) -> Rule:
    if feature not in rules:
        raise InputError(
            expected=f"a rule for feature {feature}",
            got=f"rules for {', '.join(map(str, list(rules)[:8]))}",
            fix="Leave features out, or add its rule.",
        )
    return rules[feature]
