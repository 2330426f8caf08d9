"""What steering does on many prompts, with random directions of the same size as the control."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm.auto import tqdm

from interpwidgets.analyses.given import check_model
from interpwidgets.analyses.steering.session import SteeringSession
from interpwidgets.analyses.steering.targets import targets
from interpwidgets.errors import InputError
from interpwidgets.records.steering import SteeringTarget
from interpwidgets.records.steering_effect import SteeringEffect

if TYPE_CHECKING:
    from interpwidgets.models import Model


def steering_effect(
    lm: Model,
    target: SteeringTarget,
    prompts: Sequence[Any],
    *,
    toward: Sequence[str | int],
    away: Sequence[str | int] = (),
    strengths: Sequence[float] = (0.0, 0.5, 1.0, 2.0, 4.0),
    positions: str | int = "all",
    controls: int = 3,
    seed: int = 0,
    progress: bool = True,
) -> SteeringEffect:
    """Steer many prompts and count how often the next token follows.

    One prompt proves little: a large push in any direction changes what a model says. So the same is done with random
    directions of equal norm (Turner et al. 2023, "Steering Language Models With Activation Engineering", has the same
    control), and what it costs is measured as KL from the unsteered model.

    Args:
        lm: the model.
        target: what to steer with, from `interpwidgets.targets`.
        prompts: texts, ids or chat messages.
        toward: the tokens that steering should bring, as text or ids.
        away: those that it should drive out.
        strengths: tried one by one, in the target's unit.
        positions: which tokens are steered, as in `Steering`.
        controls: how many random directions; 0 for a target that has no direction (heads, layers).
        seed: of the random directions.
        progress: show a bar with the time left.

    Raises:
        InputError: no prompts, no words, words that are no tokens, controls for a target without a direction.
    """
    check_model(lm)
    if not isinstance(target, SteeringTarget):
        raise InputError(
            expected="a steering target", got=type(target).__name__, fix="Make one: iw.targets.feature(dictionary, 7)."
        )
    if target.write is None and controls:
        raise InputError(
            expected=f"controls=0 for {target.name}, which is scaled whole and has no direction to draw another for",
            got=f"controls={controls}",
            fix="Pass controls=0, and compare with other heads or layers.",
        )
    if isinstance(prompts, str) or not len(prompts):
        got = "one text" if isinstance(prompts, str) else "none"
        raise InputError(expected="a list of prompts", got=got, fix="Pass several: the effect is a mean over them.")
    if isinstance(toward, str) or not len(toward):
        raise InputError(
            expected="a list of tokens to steer toward", got=repr(toward), fix='Pass for example toward=["she", "her"].'
        )
    wanted, unwanted = ([lm.vocabulary.id(word) for word in words] for words in (toward, away))
    tried = [target, *(targets.random(target, seed=seed + i) for i in range(controls))]
    rows = [(float(strength),) for strength in strengths]
    measured = []
    bar = tqdm(prompts, desc=f"Steering {target.name}", unit="prompt", disable=not progress)
    for prompt in bar:
        session = SteeringSession(lm, prompt)
        measured.append([_measure(session, one, rows, positions, wanted, unwanted) for one in tried])
    # [prompt, direction, quantity, strength]
    means = np.array(measured).mean(0)
    return SteeringEffect(
        name=target.name,
        prompts=len(prompts),
        strengths=np.array(strengths, float),
        toward=means[0, 0],
        away=means[0, 1],
        share=means[0, 2],
        kl=means[0, 3],
        control_toward=means[1:, 0],
        control_share=means[1:, 2],
        control_kl=means[1:, 3],
    )


def _measure(
    session: SteeringSession,
    target: SteeringTarget,
    rows: list[tuple[float]],
    positions: str | int,
    toward: list[int],
    away: list[int],
) -> np.ndarray:
    """Probability toward and away, whether the likeliest token follows, and KL: ``[quantity, strength]``."""
    found = session.steered([target], rows, positions=positions)
    follows = np.isin(found.log_probability.argmax(1), toward)
    return np.stack([found.probability_of(toward).sum(1), found.probability_of(away).sum(1), follows, found.kl])
