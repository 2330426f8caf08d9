"""The few most extreme images of each unit, kept while many go by."""

from __future__ import annotations

import numpy as np


class Extremes:
    """For each unit the images with its largest (or smallest) values, as values come batch by batch.

    Memory is units x k, however many images come. Equal values are told apart by a rank drawn for each image, so that
    the units that are 0 on most images do not all show the first images of the data.

    Args:
        units: how many.
        k: how many images to keep for each.
        rank: ``[image]`` a permutation that settles ties.
        smallest: keep the smallest.
    """

    def __init__(self, units: int, k: int, rank: np.ndarray, *, smallest: bool = False) -> None:
        self._sign = -1.0 if smallest else 1.0
        self._rank = rank
        self.values = np.full((units, k), -np.inf)
        self.images = np.full((units, k), -1, np.int64)
        self.places = np.zeros((units, k), np.int64)

    def add(self, values: np.ndarray, places: np.ndarray, first: int) -> None:
        """A batch: ``values [image, unit]``, the flat place of each, and the number of its first image.

        A value that is not a number is no extreme and is passed over.
        """
        numbers = np.arange(first, first + len(values))
        scores = np.where(np.isnan(values), -np.inf, self._sign * values).T
        images = np.where(np.isnan(values).T, -1, numbers[None])
        ranks = self._ranks(images)
        # Most units see nothing new in a batch: only those that do are sorted.
        worst, last = self.values[:, -1:], self._ranks(self.images[:, -1:])
        at = np.flatnonzero(((scores > worst) | ((scores == worst) & (ranks < last))).any(1))
        k = self.values.shape[1]
        all_values = np.concatenate([self.values[at], scores[at]], axis=1)
        all_images = np.concatenate([self.images[at], images[at]], axis=1)
        all_places = np.concatenate([self.places[at], places.T[at]], axis=1)
        # What is missing comes last, also behind a value of minus infinity.
        order = np.lexsort((self._ranks(all_images), -all_values, all_images < 0), axis=1)[:, :k]
        self.values[at] = np.take_along_axis(all_values, order, 1)
        self.images[at] = np.take_along_axis(all_images, order, 1)
        self.places[at] = np.take_along_axis(all_places, order, 1)

    def _ranks(self, images: np.ndarray) -> np.ndarray:
        """What settles ties; behind all others where there is no image."""
        return np.where(images < 0, len(self._rank), self._rank[images])

    def result(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """``[unit, k]`` values (NaN where there is none), images (-1) and flat places."""
        missing = self.images < 0
        values = np.where(missing, np.nan, self._sign * self.values)
        return values.astype(np.float32), self.images, np.where(missing, 0, self.places)
