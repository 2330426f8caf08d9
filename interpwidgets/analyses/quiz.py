"""A quiz about units, and a machine that takes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from interpwidgets.analyses.exemplars import exemplars as find_exemplars
from interpwidgets.errors import InputError
from interpwidgets.records.exemplars import Exemplars
from interpwidgets.records.quiz import Quiz
from interpwidgets.records.quiz_result import QuizResult


def two_afc(
    source: Exemplars | np.ndarray | Callable[[np.ndarray], np.ndarray],
    images: Any = None,
    *,
    units: Sequence[int] | None = None,
    trials: int = 1,
    exemplars: int = 9,
    seed: int = 0,
    **options: Any,
) -> Quiz:
    """A two-alternative forced choice: shown what a unit answers to and what not, to which of two more images does it?

    Of each unit the ``exemplars`` strongest and weakest images are shown in every trial. The next strongest and the
    next weakest image are the first trial's queries, those after them the second's, and so on: no query is ever shown
    as an exemplar of its unit. Which query stands first is drawn, and so is the order of the trials (Borowski et al.
    2021, "Exemplary Natural Images Explain CNN Activations Better than State-of-the-Art Feature Visualization";
    Zimmermann et al. 2023, "Scale Alone Does not Improve Mechanistic Interpretability in Vision Models", who show 9
    and 9).

    Args:
        source: an `Exemplars` record made with ``weakest=True`` and k of at least ``exemplars + trials``; or values as
            `exemplars` takes them, ``[image, unit]`` or ``[image, unit, h, w]``.
        images: the images of the values; None with an Exemplars record.
        units: which to ask about; by default every unit with an answer, that is, whose strong queries have larger
            values than its weak ones.
        trials: how many for each unit.
        exemplars: how many strong, and as many weak ones.
        seed: of the draws.
        options: passed on to `exemplars` with values, e.g. ``names``.

    Raises:
        InputError: too few images, no other extreme, a unit that does not exist or whose values are all alike.
    """
    for what, value in (("trials", trials), ("exemplars", exemplars)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(expected=f"{what} as a whole number of 1 or more", got=repr(value), fix="Pass e.g. 9.")
    need = exemplars + trials
    found = _extremes(source, images, need, seed, options)
    other = found.weakest
    assert other is not None
    if min(found.rows.shape[1], other.rows.shape[1]) < need:
        raise InputError(
            expected=f"{need} images at each end ({exemplars} exemplars and {trials} queries)",
            got=f"{found.rows.shape[1]} strongest and {other.rows.shape[1]} weakest",
            fix=f"Make the record with k={need}, or ask for fewer.",
        )
    asked = list(range(len(found))) if units is None else [found.check(unit) for unit in units]
    if units is None:
        asked = [u for u in asked if _why_not(found, u, need, exemplars) is None]
    for unit in asked:
        why = _why_not(found, unit, need, exemplars)
        if why:
            raise InputError(
                expected=f"{found.unit_kind} {unit} ({found.names[unit]}) with an answer",
                got=why,
                fix="Leave it out, or search more images.",
            )
    if not asked:
        raise InputError(
            expected="at least one unit with an answer",
            got=_why_not(found, 0, need, exemplars) or "no units" if len(found) else "no units",
            fix="Search more images, at least twice as many as exemplars and trials together.",
        )
    rng = np.random.default_rng(seed)
    order = rng.permutation([(u, t) for u in asked for t in range(trials)])
    answers = rng.integers(0, 2, len(order))
    at, trial = order[:, 0], exemplars + order[:, 1]
    strong, weak = found.rows[at, trial], other.rows[at, trial]
    values = np.stack([found.values[at, trial], other.values[at, trial]], axis=1)
    first = (answers == 0)[:, None]
    return Quiz(
        images=found.images,
        indices=found.indices,
        units=at.astype(np.int64),
        strong=found.rows[at, :exemplars],
        weak=other.rows[at, :exemplars],
        queries=np.where(first, np.stack([strong, weak], 1), np.stack([weak, strong], 1)),
        answers=answers.astype(np.int64),
        query_values=np.where(first, values, values[:, ::-1]),
        names=tuple(_called(found, unit) for unit in range(len(found))),
        value_kind=found.value_kind,
        name=found.name,
    )


def machine_observer(
    quiz: Quiz, embed: Callable[[np.ndarray], Any] | np.ndarray | None = None, *, seed: int = 0, reader: str = "machine"
) -> QuizResult:
    """A machine takes the quiz: it chooses the query that is more like the strong exemplars than like the weak ones.

    The score of a query is its mean cosine similarity to the strong exemplars minus that to the weak ones, of
    embeddings from which the quiz's mean is taken away. It is right always for a unit with one clean meaning that the
    embedding shows, and half of the time for a unit without any: what a reader's score is compared with.

    Args:
        quiz: of `two_afc`.
        embed: a function from uint8 images ``[image, height, width, 3]`` to ``[image, d]``, or ``[image, d]`` itself,
            one row for each of ``quiz.images``, e.g. a network's pooled features. By default colours in an 8 x 8 grid
            and the directions of edges, which needs no network.
        seed: tosses the coin where both queries score alike.
        reader: its name in the result.

    Raises:
        InputError: embeddings that are not finite or not one for each image.
    """
    given: Any = simple_embedding if embed is None else embed
    vectors = np.asarray(given(quiz.images) if callable(given) else given, np.float64)
    if vectors.ndim != 2 or len(vectors) != len(quiz.images) or not np.isfinite(vectors).all():
        raise InputError(
            expected=f"finite embeddings [{len(quiz.images)}, d], one for each image of the quiz",
            got=f"shape {list(vectors.shape)}" + ("" if np.isfinite(vectors).all() else ", not finite"),
            fix="Embed quiz.images, in their order.",
        )
    vectors = vectors - vectors.mean(0)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    queries = units[quiz.queries]  # [trial, 2, d]
    # The mean of cosines is the cosine's dot product with the mean.
    direction = units[quiz.strong].mean(1) - units[quiz.weak].mean(1)
    scores = np.einsum("tqd,td->tq", queries, direction)
    coins = np.random.default_rng(seed).integers(0, 2, len(quiz))
    choices = np.where(scores[:, 0] == scores[:, 1], coins, scores.argmax(1))
    return quiz.result(choices.tolist(), reader=reader)


def simple_embedding(images: np.ndarray) -> np.ndarray:
    """What an image looks like without any network: colours in an 8 x 8 grid, and how strong edges of 8 directions are.

    Args:
        images: ``[image, height, width, 3]`` uint8.

    Returns:
        ``[image, 200]``; both halves weigh alike.
    """
    out = []
    for image in images:
        scaled = image.astype(np.float64) / 255
        rows, columns = (np.array_split(np.arange(n), 8) for n in image.shape[:2])
        grid = [scaled[np.ix_(r, c)].mean((0, 1)) if len(r) and len(c) else np.zeros(3) for r in rows for c in columns]
        grey = scaled.mean(2)
        dy, dx = np.gradient(grey) if min(grey.shape) > 1 else (np.zeros_like(grey), np.zeros_like(grey))
        strength, angle = np.hypot(dx, dy), np.mod(np.arctan2(dy, dx), np.pi)
        bins = np.minimum((8 * angle / np.pi).astype(int), 7)
        edges = np.bincount(bins.ravel(), strength.ravel(), 8) / grey.size
        out.append((np.concatenate(grid), edges))
    colours, edges = (np.stack(part) for part in zip(*out, strict=True))
    return np.concatenate([_scaled(colours), _scaled(edges)], axis=1)


def _scaled(part: np.ndarray) -> np.ndarray:
    """Centred, and of mean squared length 1 over the images."""
    part = part - part.mean(0)
    size = np.sqrt((part**2).sum(1).mean())
    return part / size if size > 0 else part


def _extremes(source: Any, images: Any, need: int, seed: int, options: dict[str, Any]) -> Exemplars:
    if not isinstance(source, Exemplars):
        if images is None:
            raise InputError(
                expected="an Exemplars record, or values and their images",
                got=f"{type(source).__name__} alone",
                fix="Write two_afc(values, images), with values [image, unit].",
            )
        return find_exemplars(source, images, need, weakest=True, **{"seed": seed, **options})
    if images is not None or options:
        raise InputError(
            expected="an Exemplars record alone",
            got="images or options beside it",
            fix="Leave them out: the record holds its images.",
        )
    if source.end != "strongest" or source.weakest is None:
        raise InputError(
            expected="exemplars of both ends",
            got=f"only the {source.end}",
            fix="Make them with exemplars(..., weakest=True).",
        )
    return source


def _called(found: Exemplars, unit: int) -> str:
    """A unit's name for a question, with its kind where the name is a bare number. Its label would tell the answer."""
    return f"{found.unit_kind} {found.names[unit]}" if found.names[unit].isdigit() else found.names[unit]


def _why_not(found: Exemplars, unit: int, need: int, shown: int) -> str | None:
    """Why a unit cannot be asked about, if so."""
    assert found.weakest is not None
    strong, weak = found.rows[unit, :need], found.weakest.rows[unit, :need]
    if (strong < 0).any() or (weak < 0).any():
        return f"fewer than {need} images with a value"
    if set(strong.tolist()) & set(weak.tolist()):
        return f"too few images: its {need} strongest and {need} weakest overlap"
    low, high = found.weakest.values[unit, shown:need], found.values[unit, shown:need]
    if not float(high.min()) > float(low.max()):
        return f"{found.value_kind} {high.min():.3g} for its strong and {low.max():.3g} for its weak images"
    return None
