"""What became of asking for the explanation of many features, as a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Explained:
    """Labels that were written, and features for which that failed.

    `interpwidgets.analyses.explain.explain_features` makes it.

    Attributes:
        labels: feature -> the text that was saved.
        failures: feature -> what went wrong.
    """

    labels: Mapping[int, str]
    failures: Mapping[int, str]

    def summary(self) -> str:
        """How many were explained, and each failure."""
        lines = [f"{len(self.labels)} features explained, {len(self.failures)} failed"]
        lines += [f"  {feature}: {why}" for feature, why in self.failures.items()]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.summary()
