"""What a supervised read-out of the activations can detect: the yardstick beside unsupervised features."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch


def readout_f1(
    x: torch.Tensor, labels: Mapping[str, np.ndarray], *, held_out: np.ndarray | None = None, ridge: float = 1e-3
) -> dict[str, float]:
    """F1 of a linear detector for every value, solved by least squares for all at once.

    Args:
        x: activations [token, d].
        labels: value -> truth for every token [token].
        held_out: [token] tokens to score on; the others fit directions and thresholds.
        ridge: penalty, as a share of the mean variance.
    """
    train = np.ones(len(x), bool) if held_out is None else ~held_out
    test = np.ones(len(x), bool) if held_out is None else held_out
    truth = np.stack(list(labels.values()))
    data = x.double()
    mean = data[train].mean(0)
    centred = data - mean
    gram = centred[train].T @ centred[train]
    gram += torch.eye(len(gram), dtype=gram.dtype) * (ridge * gram.diagonal().mean() + 1e-12)
    known = torch.from_numpy(truth[:, train]).double().T
    weight = torch.linalg.solve(gram, centred[train].T @ (known - known.mean(0)))
    scores = (centred @ weight).numpy()
    found = {}
    for number, name in enumerate(labels):
        threshold = best_threshold(scores[train, number], truth[number, train])
        said = scores[test, number] >= threshold
        hits = (said & truth[number, test]).sum()
        found[name] = float(2 * hits / max(1, said.sum() + truth[number, test].sum()))
    return found


def best_threshold(scores: np.ndarray, truth: np.ndarray) -> float:
    """The score from which on saying yes has the best F1."""
    order = np.argsort(-scores, kind="stable")
    f1 = 2 * np.cumsum(truth[order]) / (np.arange(1, len(order) + 1) + truth.sum())
    # Equal scores are taken together: F1 counts where the next one is lower.
    ranked = scores[order]
    f1[np.append(ranked[1:] == ranked[:-1], False)] = -1
    return float(ranked[int(f1.argmax())])
