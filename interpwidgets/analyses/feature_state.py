"""What an index knows of every feature while it is built: everything that a stream of codes leaves behind.

Whatever order the text is read in, and on however many processes, the end is the same to the last bit: counts are whole
numbers, sums are kept as whole multiples of 2⁻²⁴, histograms only ever merge neighbouring bins, and of all places the
strongest (and of all tokens a random few, by a hash of where they stand) are chosen with ties broken by place.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch

BINS = 64
UNIT = 2.0**24  # sums are whole numbers of this part of 1
NONE = torch.iinfo(torch.int64).max
LOWEST = -126  # exponent of a feature that has not fired


@dataclass(frozen=True)
class Size:
    """How much of each feature is kept.

    Attributes:
        n_features: features.
        top: strongest places, each in another window.
        sample: places drawn at random from all where it fires.
        width: tokens shown around a place.
        tokens: tokens in the sample from which correlations are computed.
    """

    n_features: int
    top: int = 20
    sample: int = 32
    width: int = 24
    tokens: int = 2**15


@dataclass
class Firings:
    """Where features fire in a piece of text: one entry for each feature and token, by feature, then by token.

    Attributes:
        feature: ``[entry]``.
        token: ``[entry]`` place in the piece.
        value: ``[entry]`` above 0.
        window: ``[token]`` which window of the corpus each token of the piece is in; each is there as a whole.
        position: ``[token]`` where in it.
        row: ``[token]`` the same windows, counted within the piece.
        length: ``[row]`` how many tokens each has.
    """

    feature: torch.Tensor
    token: torch.Tensor
    value: torch.Tensor
    window: torch.Tensor
    position: torch.Tensor
    row: torch.Tensor
    length: torch.Tensor

    @classmethod
    def of(
        cls,
        feature: torch.Tensor,
        token: torch.Tensor,
        value: torch.Tensor,
        window: torch.Tensor,
        position: torch.Tensor,
    ) -> Firings:
        """From entries in any order; those not above 0, and NaNs, do not fire."""
        fires = value > 0
        feature, token, value = feature[fires].long(), token[fires].long(), value[fires].float()
        order = torch.argsort(feature * len(window) + token)
        row = (position == 0).long().cumsum(0) - 1
        return cls(feature[order], token[order], value[order], window, position, row, torch.bincount(row))

    @property
    def number(self) -> torch.Tensor:
        """``[token]`` a number that no other token of the corpus has."""
        return self.window * 2**20 + self.position

    def around(self, feature: torch.Tensor, token: torch.Tensor, width: int) -> torch.Tensor:
        """Values of features on the tokens around a place, 0 where they do not fire, ``[place, width]`` float16.

        The piece shown is cut to the window as `FeatureIndex` cuts it.
        """
        count = len(self.window)
        first = token - self.position[token]
        length = self.length[self.row[token]]
        low = (self.position[token] - width // 2).minimum(length - width).clamp_min(0)
        at = low[:, None] + torch.arange(width, device=token.device)
        inside = at < length[:, None]
        key = feature[:, None] * count + (first[:, None] + at).clamp_max(count - 1)
        keys = self.feature * count + self.token
        place = torch.searchsorted(keys, key).clamp_max(len(keys) - 1)
        found = inside & (keys[place] == key)
        return torch.where(found, self.value[place], 0).half()


@dataclass
class State:
    """The running totals of every feature; every array is ``[feature, ...]`` but the last four.

    Attributes:
        count: tokens on which it fires.
        total: sum of its values, in units of 2⁻²⁴.
        max: its largest value.
        exponent: e, where the histogram spans 0 to 2ᵉ.
        histogram: ``[feature, bin]``.
        top_value, top_window, top_position, top_around: its strongest places, strongest first.
        sample_key, sample_value, sample_window, sample_position, sample_around: places drawn at random, by their hash.
        level: ℓ, where the tokens of the correlation sample are those whose hash is below 2⁻ˡ of all.
        pair_token, pair_feature, pair_value: what fires on those tokens ``[entry]``.
        pair_seen: the hashes of those tokens ``[token]``.
    """

    count: torch.Tensor
    total: torch.Tensor
    max: torch.Tensor
    exponent: torch.Tensor
    histogram: torch.Tensor
    top_value: torch.Tensor
    top_window: torch.Tensor
    top_position: torch.Tensor
    top_around: torch.Tensor
    sample_key: torch.Tensor
    sample_value: torch.Tensor
    sample_window: torch.Tensor
    sample_position: torch.Tensor
    sample_around: torch.Tensor
    level: torch.Tensor
    pair_token: torch.Tensor
    pair_feature: torch.Tensor
    pair_value: torch.Tensor
    pair_seen: torch.Tensor

    @classmethod
    def empty(cls, size: Size, device: torch.device | str = "cpu") -> State:
        """Nothing seen yet."""
        n, whole = size.n_features, {"dtype": torch.int64, "device": device}

        def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
            return torch.zeros(*shape, dtype=dtype, device=device)

        return cls(
            count=torch.zeros(n, **whole),
            total=torch.zeros(n, **whole),
            max=zeros(n),
            exponent=torch.full((n,), LOWEST, dtype=torch.int32, device=device),
            histogram=torch.zeros(n, BINS, **whole),
            top_value=zeros(n, size.top),
            top_window=torch.full((n, size.top), NONE, **whole),
            top_position=zeros(n, size.top, dtype=torch.int32),
            top_around=zeros(n, size.top, size.width, dtype=torch.float16),
            sample_key=torch.full((n, size.sample), NONE, **whole),
            sample_value=zeros(n, size.sample),
            sample_window=torch.zeros(n, size.sample, **whole),
            sample_position=zeros(n, size.sample, dtype=torch.int32),
            sample_around=zeros(n, size.sample, size.width, dtype=torch.float16),
            level=torch.zeros((), **whole),
            pair_token=torch.zeros(0, **whole),
            pair_feature=torch.zeros(0, dtype=torch.int32, device=device),
            pair_value=zeros(0),
            pair_seen=torch.zeros(0, **whole),
        )

    def tensors(self) -> dict[str, torch.Tensor]:
        """By name, to be saved; ``State(**tensors)`` is the way back."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def add(self, found: Firings, size: Size) -> None:
        """Take in what fired in one piece of text."""
        if len(found.feature):
            self._count(found)
            self._strongest(found)
            self._sampled(found)
        self._pairs(found, size)

    def merge(self, other: State, size: Size) -> None:
        """Take in what another process saw."""
        self.count += other.count
        self.total += other.total
        everyone = torch.arange(size.n_features, device=self.count.device)
        exponent = torch.maximum(self.exponent, other.exponent)
        self._widen(exponent)
        other._widen(exponent)
        self.histogram += other.histogram
        self.max = torch.maximum(self.max, other.max)
        self._insert_top(everyone, *(getattr(other, f"top_{n}") for n in ("value", "window", "position", "around")))
        self._insert_sample(
            everyone, *(getattr(other, f"sample_{n}") for n in ("key", "value", "window", "position", "around"))
        )
        self.level = torch.maximum(self.level, other.level)
        for name in ("pair_token", "pair_feature", "pair_value", "pair_seen"):
            setattr(self, name, torch.cat([getattr(self, name), getattr(other, name)]))
        self._thin(size)
        order = torch.argsort(self.pair_token, stable=True)
        for name in ("pair_token", "pair_feature", "pair_value"):
            setattr(self, name, getattr(self, name)[order])
        self.pair_seen = self.pair_seen.sort().values

    def _count(self, found: Firings) -> None:
        feature, value = found.feature, found.value
        self.count += torch.bincount(feature, minlength=len(self.count))
        self.total.index_add_(0, feature, (value.double() * UNIT).round().long())
        self.max.scatter_reduce_(0, feature, value, "amax")
        needed = torch.where(self.max > 0, torch.frexp(self.max).exponent.to(torch.int32), LOWEST)
        self._widen(needed.maximum(self.exponent))
        scaled = torch.ldexp(value, -self.exponent[feature]) * BINS
        self.histogram.view(-1).index_add_(
            0, feature * BINS + scaled.long().clamp_max(BINS - 1), torch.ones_like(feature)
        )

    def _widen(self, exponent: torch.Tensor) -> None:
        """Make histograms span up to 2ᵉ by merging neighbouring bins."""
        wider = (exponent > self.exponent).nonzero()[:, 0]
        if len(wider):
            by = (exponent[wider] - self.exponent[wider]).clamp_max(8).long()
            target = torch.arange(BINS, device=wider.device) >> by[:, None]
            old = self.histogram[wider]
            self.histogram[wider] = torch.zeros_like(old).scatter_add(1, target, old)
            self.exponent = torch.maximum(self.exponent, exponent)

    def _strongest(self, found: Firings) -> None:
        """Each feature's strongest token of each window, where it is among the strongest of all."""
        key = found.feature * len(found.length) + found.row[found.token]
        starts = torch.cat([key.new_ones(1, dtype=torch.bool), key[1:] != key[:-1]])
        group = starts.cumsum(0) - 1
        best = found.value.new_zeros(int(group[-1]) + 1).scatter_reduce(0, group, found.value, "amax")
        at_best = (found.value == best[group]).nonzero()[:, 0]
        first = torch.cat([at_best.new_ones(1, dtype=torch.bool), group[at_best][1:] != group[at_best][:-1]])
        entry = at_best[first]  # the earliest of equals
        entry = entry[found.value[entry] >= self.top_value[found.feature[entry], -1]]
        if not len(entry):
            return
        token = found.token[entry]
        order = [found.window[token], -found.value[entry].double()]
        feature, slot = _ranked(found.feature[entry], order, self.top_value.shape[1])
        entry = entry[slot[0]]
        token = found.token[entry]
        rows, table = _table(feature, slot[1], self.top_value.shape[1])
        around = found.around(found.feature[entry], token, self.top_around.shape[2])
        self._insert_top(
            rows,
            _spread(table, found.value[entry], 0.0),
            _spread(table, found.window[token], NONE),
            _spread(table, found.position[token].to(torch.int32), 0),
            _spread(table, around, 0.0),
        )

    def _insert_top(
        self,
        rows: torch.Tensor,
        value: torch.Tensor,
        window: torch.Tensor,
        position: torch.Tensor,
        around: torch.Tensor,
    ) -> None:
        value = torch.cat([self.top_value[rows], value], 1)
        window = torch.cat([self.top_window[rows], window], 1)
        # The strongest first, of equals the earliest window.
        order = torch.argsort(window, dim=1, stable=True)
        order = order.gather(1, torch.argsort(value.gather(1, order), dim=1, descending=True, stable=True))
        kept = order[:, : self.top_value.shape[1]]
        self.top_value[rows] = value.gather(1, kept)
        self.top_window[rows] = window.gather(1, kept)
        self.top_position[rows] = torch.cat([self.top_position[rows], position], 1).gather(1, kept)
        self.top_around[rows] = _take(torch.cat([self.top_around[rows], around], 1), kept)

    def _sampled(self, found: Firings) -> None:
        """Tokens whose hash is among the smallest of all on which a feature fires."""
        key = _hash(found.number[found.token] * 1_000_003 + found.feature)
        entry = (key < self.sample_key[found.feature, -1]).nonzero()[:, 0]
        if not len(entry):
            return
        feature, slot = _ranked(found.feature[entry], [key[entry]], self.sample_key.shape[1])
        entry = entry[slot[0]]
        token = found.token[entry]
        rows, table = _table(feature, slot[1], self.sample_key.shape[1])
        around = found.around(found.feature[entry], token, self.sample_around.shape[2])
        self._insert_sample(
            rows,
            _spread(table, key[entry], NONE),
            _spread(table, found.value[entry], 0.0),
            _spread(table, found.window[token], 0),
            _spread(table, found.position[token].to(torch.int32), 0),
            _spread(table, around, 0.0),
        )

    def _insert_sample(self, rows: torch.Tensor, key: torch.Tensor, *more: torch.Tensor) -> None:
        key = torch.cat([self.sample_key[rows], key], 1)
        kept = torch.argsort(key, dim=1, stable=True)[:, : self.sample_key.shape[1]]
        self.sample_key[rows] = key.gather(1, kept)
        for name, values in zip(("value", "window", "position", "around"), more, strict=True):
            mine = getattr(self, f"sample_{name}")
            mine[rows] = _take(torch.cat([mine[rows], values], 1), kept)

    def _pairs(self, found: Firings, size: Size) -> None:
        """Keep all that fires on some tokens, chosen by their hash, at most ``size.tokens`` of them."""
        hashes = _hash(found.number * 2 + 1)
        chosen = hashes < _limit(int(self.level))
        self.pair_seen = torch.cat([self.pair_seen, hashes[chosen]])
        here = chosen[found.token]
        # Within a token by feature, token after token: the order in which one process would have met them.
        order = torch.argsort(found.token[here], stable=True)
        self.pair_token = torch.cat([self.pair_token, hashes[found.token[here]][order]])
        self.pair_feature = torch.cat([self.pair_feature, found.feature[here][order].to(torch.int32)])
        self.pair_value = torch.cat([self.pair_value, found.value[here][order]])
        self._thin(size)

    def _thin(self, size: Size) -> None:
        while len(self.pair_seen) > size.tokens:
            self.level = self.level + 1
            limit = _limit(int(self.level))
            kept = self.pair_token < limit
            for name in ("pair_token", "pair_feature", "pair_value"):
                setattr(self, name, getattr(self, name)[kept])
            self.pair_seen = self.pair_seen[self.pair_seen < limit]


def _limit(level: int) -> int:
    return (2**62) >> level


def _hash(x: torch.Tensor) -> torch.Tensor:
    """Whole numbers from 0 to 2⁶² that look random (the finaliser of SplitMix64, Steele et al. 2014)."""
    x = x + _signed(0x9E3779B97F4A7C15)
    x = (x ^ _shifted(x, 30)) * _signed(0xBF58476D1CE4E5B9)
    x = (x ^ _shifted(x, 27)) * _signed(0x94D049BB133111EB)
    return _shifted(x ^ _shifted(x, 31), 2)


def _signed(x: int) -> int:
    return x - 2**64 if x >= 2**63 else x


def _shifted(x: torch.Tensor, by: int) -> torch.Tensor:
    """Shifted right with zeros coming in; torch shifts in the sign."""
    return (x >> by) & (2 ** (64 - by) - 1)


def _ranked(
    feature: torch.Tensor, orders: list[torch.Tensor], most: int
) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
    """The first ``most`` entries of each feature, by the last order, ties by the one before.

    Returns:
        Their features, which entries they are, and their rank within the feature.
    """
    chosen = torch.arange(len(feature), device=feature.device)
    for order in [*orders, feature]:
        chosen = chosen[torch.argsort(order[chosen], stable=True)]
    sorted_feature = feature[chosen]
    starts = torch.cat([sorted_feature.new_ones(1, dtype=torch.bool), sorted_feature[1:] != sorted_feature[:-1]])
    first = starts.nonzero()[:, 0]
    rank = torch.arange(len(chosen), device=feature.device) - first[starts.cumsum(0) - 1]
    kept = rank < most
    return sorted_feature[kept], (chosen[kept], rank[kept])


def _table(feature: torch.Tensor, rank: torch.Tensor, most: int) -> tuple[torch.Tensor, tuple[torch.Tensor, int, int]]:
    """The features that have entries, and where each entry goes in a table ``[feature, most]`` of them."""
    rows, row = torch.unique(feature, return_inverse=True)
    return rows, (row * most + rank, len(rows), most)


def _spread(table: tuple[torch.Tensor, int, int], values: torch.Tensor, empty: float) -> torch.Tensor:
    """Entries in their places of a table, ``[feature, most, ...]``."""
    place, rows, most = table
    out = torch.full((rows * most, *values.shape[1:]), empty, dtype=values.dtype, device=values.device)
    out[place] = values
    return out.view(rows, most, *values.shape[1:])


def _take(values: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """Of each row the entries in ``kept``."""
    if values.dim() > kept.dim():
        kept = kept[..., None].expand(*kept.shape, values.shape[-1])
    return values.gather(1, kept)
