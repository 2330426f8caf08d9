"""Many targets at one prompt, each alone: which of them matter here?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm.auto import tqdm

from interpwidgets.analyses.given import check_model
from interpwidgets.analyses.steering.session import SteeringSession
from interpwidgets.analyses.steering.targets import targets as factories
from interpwidgets.errors import InputError
from interpwidgets.records.steering import SteeringTarget
from interpwidgets.records.steering_sweep import SteeringSweep

if TYPE_CHECKING:
    from interpwidgets.models import Model


def steering_sweep(
    lm: Model,
    prompt: Any,
    targets: Any,
    *,
    words: Sequence[str | int],
    points: int = 7,
    positions: str | int = "all",
    progress: bool = True,
) -> SteeringSweep:
    """Turn each target through its range, alone, and see what it does to the next token and what it costs.

    Args:
        lm: the model.
        prompt: text, ids or chat messages.
        targets: steering targets, or a dictionary for all its features.
        words: the tokens whose probability, together, is the effect; text or ids.
        points: strengths tried for each, from its low to its high.
        positions: which tokens are steered, as in `Steering`.
        progress: show a bar with the time left.

    Raises:
        InputError: no targets, words that are no tokens, less than two points.
    """
    check_model(lm)
    several = swept(lm, targets)
    if isinstance(words, str) or not len(words):
        raise InputError(expected="a list of tokens to watch", got=repr(words), fix='Pass words=["she", "her"].')
    if not isinstance(points, int) or points < 2:
        raise InputError(expected="at least two points", got=repr(points), fix="Leave it at 7.")
    session = SteeringSession(lm, prompt)
    ids = [lm.vocabulary.id(word) for word in words]
    bar = tqdm(several, desc="Sweeping", unit="target", disable=not progress)
    swept_rows = list(sweep_rows(session, bar, ids, points, positions))
    return SteeringSweep(
        prompt=prompt if isinstance(prompt, str) else "".join(session.tokens.texts),
        words=tuple(lm.vocabulary.texts[i] for i in ids),
        names=tuple(target.name for target in several),
        labels=tuple(target.label for target in several),
        strengths=np.stack([row[0] for row in swept_rows]),
        curve=np.stack([row[1] for row in swept_rows]),
        divergence=np.stack([row[2] for row in swept_rows]),
        unsteered=float(np.exp(session.unsteered[ids].astype(np.float64)).sum()),
    )


def swept(lm: Model, given: Any) -> list[SteeringTarget]:
    """The targets to sweep over; a dictionary stands for all its features.

    Raises:
        InputError: none at all.
    """
    parts = list(given) if isinstance(given, (list, tuple)) else [given]
    found: list[SteeringTarget] = []
    for part in parts:
        if hasattr(part, "n_features") and hasattr(part, "unit_writes"):
            found += [factories.feature(part, j, lm=lm) for j in range(part.n_features)]
        else:
            found += factories.of(lm, part)
    if not found:
        raise InputError(
            expected="at least one target to sweep over", got="none", fix="Pass a dictionary, or iw.targets...."
        )
    return found


def sweep_rows(
    session: SteeringSession,
    targets: Any,
    ids: Sequence[int],
    points: int = 7,
    positions: str | int = "all",
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Strengths, probability of the words together, and KL of the next token, each ``[point]``, target by target."""
    for target in targets:
        strengths = np.linspace(target.low, target.high, points)
        found = session.steered([target], [(float(s),) for s in strengths], positions=positions)
        yield strengths, found.probability_of(ids).sum(1), found.kl
