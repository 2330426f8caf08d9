"""A sparse MLP whose neurons are known, for transcoders to be trained on."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from interpwidgets.dictionaries import Dictionary, Transcoder
from interpwidgets.dictionaries.checks import whole
from interpwidgets.errors import InputError
from interpwidgets.worlds.planted import draws
from interpwidgets.worlds.planted.recovery import Recovery, match


@dataclass(frozen=True, eq=False)
class PlantedMLP:
    """``y = relu(W_in x + b_in) W_out + b_out``, few hidden units active on each input; made by `mlp`.

    What a transcoder imitates (Dunefsky et al. 2024, "Transcoders Find Interpretable LLM Feature Circuits"), small
    enough that every right feature is known: it reads a row of ``W_in`` and writes a row of ``W_out``. Inputs are not
    sparse: every unit that is off is off by an amount of its own, which a transcoder has to learn to overlook.

    Attributes:
        W_in: what each hidden unit reads, orthonormal rows [hidden, d_in].
        b_in: [hidden].
        W_out: what it writes, length 1 [hidden, d_out].
        b_out: [d_out].
        active: how many hidden units are active on each input.
        noise: standard deviation of Gaussian noise on every coordinate of the output.
        seed: what they were drawn from.
    """

    W_in: torch.Tensor
    b_in: torch.Tensor
    W_out: torch.Tensor
    b_out: torch.Tensor
    active: int
    noise: float
    seed: int

    def hidden(self, x: torch.Tensor) -> torch.Tensor:
        """What the hidden units are on inputs ``x [..., d_in]``: the right codes [..., hidden]."""
        return (x @ self.W_in.T + self.b_in).relu()

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """The output of inputs ``x [..., d_in]``, without noise [..., d_out]."""
        return self.hidden(x) @ self.W_out + self.b_out

    def sample(self, n: int, *, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs ``x [token, d_in]`` and outputs ``y [token, d_out]``; the same for the same seed.

        On each input ``active`` units are on, by 0.5 to 1.5; the others are off, by 0 to 1.
        """
        draw = draws.generator(draws.SAMPLE, self.seed, seed)
        units, d_in = self.W_in.shape
        which = draws.choose(whole("n", n, 0, 2**31), units, self.active, draw)
        before = -torch.rand(n, units, generator=draw) - 1e-3
        before = before.scatter(1, which, draws.sizes(n, self.active, draw=draw))
        aside = torch.randn(n, d_in, generator=draw)
        # The rows are orthonormal, so this is the input with exactly these pre-activations, and anything beside them.
        x = (before - self.b_in) @ self.W_in + aside - aside @ self.W_in.T @ self.W_in
        return x, draws.noisy(self(x), self.noise, draw)

    def recovery(self, transcoder: Dictionary) -> Recovery:
        """How well a transcoder found the units: for each, the feature most like it.

        A feature is a unit only if it reads and writes like it, so detector and direction are compared as one vector,
        each half scaled to the same length.

        Raises:
            InputError: no dictionary, or other widths.
        """
        if not isinstance(transcoder, Dictionary):
            raise InputError(
                expected="a transcoder", got=type(transcoder).__name__, fix="Pass a Dictionary of this package."
            )
        pairs = [(transcoder.detectors, transcoder.directions), (self.W_in, self.W_out)]
        unit = torch.nn.functional.normalize
        found, planted = (torch.cat([unit(a.detach().float()), unit(b.detach().float())], dim=1) for a, b in pairs)
        return match(found, planted)

    def oracle(self, *, site_in: str | None = None, site_out: str | None = None) -> Transcoder:
        """The answer as a `Dictionary`: a transcoder with the same weights, exact up to rounding."""
        names = [f"unit {i}" for i in range(len(self.W_in))]
        return Transcoder(
            self.W_in, self.W_out, encoder_bias=self.b_in, decoder_bias=self.b_out, name="planted", site_in=site_in,
            site_out=site_out, labels=names,
        )  # fmt: skip

    def __repr__(self) -> str:
        units, d_in = self.W_in.shape
        return f"PlantedMLP({d_in} -> {units} -> {self.W_out.shape[1]}, {self.active} active, noise {self.noise:g})"


def mlp(
    *, d_in: int = 64, hidden: int = 64, d_out: int = 64, active: int = 4, noise: float = 0.0, seed: int = 0
) -> PlantedMLP:
    """A planted sparse MLP: of its hidden units few are active on each input, and all of them are known.

    Args:
        d_in: width of the input; at least `hidden`, so that each unit can be set alone.
        hidden: how many hidden units.
        d_out: width of the output.
        active: how many units are active on each input.
        noise: standard deviation of Gaussian noise on every coordinate of the output.
        seed: draws the weights.

    Raises:
        InputError: a number out of range.
    """
    whole("hidden", hidden, 1, 2**14)
    whole("d_in", d_in, hidden, 2**14)
    whole("d_out", d_out, 1, 2**14)
    whole("active", active, 1, hidden)
    draw = draws.generator(draws.TRUTH, seed)
    read = torch.linalg.qr(torch.randn(d_in, hidden, generator=draw)).Q.T.contiguous()
    write = draws.unit_rows(hidden, d_out, draw)
    b_in, b_out = (0.3 * torch.randn(n, generator=draw) for n in (hidden, d_out))
    return PlantedMLP(read, b_in, write, b_out, active, draws.at_least_zero("noise", noise), seed)
