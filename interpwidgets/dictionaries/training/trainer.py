"""The loop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tqdm.auto import tqdm

from interpwidgets.dictionaries.linear import LinearDictionary
from interpwidgets.dictionaries.training import checkpoint
from interpwidgets.dictionaries.training.network import Network
from interpwidgets.dictionaries.training.plan import Filled
from interpwidgets.dictionaries.training.ranks import Ranks
from interpwidgets.dictionaries.training.recipes import RECIPES
from interpwidgets.dictionaries.training.source import Chunk, Source
from interpwidgets.errors import InputError

FILE = "training.safetensors"
LOOK = 10  # steps between two entries of the history
REVIVAL = 1 / 32  # weight of the loss that brings dead features back


class Place(NamedTuple):
    """Where in the source the next batch starts."""

    chunk: int
    row: int


class Trainer:
    """Learns one dictionary: draw a batch, make the loss smaller, keep count of what fires.

    Adam, with a rate that rises over the first twentieth of the steps and falls to zero over the last fifth; directions
    are kept at length 1. With several ranks each takes its share of every batch and the gradients are averaged, so that
    N ranks learn what one would.

    Args:
        plan: kind and numbers.
        source: where activations come from.
        device: where to learn.
        ranks: who takes part.
    """

    def __init__(self, plan: Filled, source: Source, *, device: torch.device, ranks: Ranks) -> None:
        self.plan, self.source, self.device, self.ranks = plan, source, device, ranks
        first = source.chunk(0)
        if first is None or len(first.read) < 2:
            raise InputError(
                expected="two tokens or more to learn from",
                got="none" if first is None else str(len(first.read)),
                fix="Pass more text.",
            )
        self.network = Network(RECIPES[plan.kind](plan), first).to(device)
        # Ranks that read different text see different means: all start from the average.
        ranks.mean_([*self.network.parameters(), *self.network.buffers()])
        self.adam = torch.optim.Adam(self.network.parameters(), lr=plan.rate, fused=device.type == "cuda")
        self.silent = torch.zeros(plan.n_features, device=device)  # tokens since each feature last fired
        self.step, self.place, self.history = 0, Place(0, 0), []

    def run(self, *, folder: Path | None, every: int, progress: bool) -> None:
        """All steps that are left.

        Args:
            folder: where the state is saved; None saves nothing.
            every: steps between two saves.
            progress: show a bar with the time left.
        """
        if folder is not None:
            self._resume(folder)
        bar = tqdm(
            total=self.plan.steps,
            initial=self.step,
            disable=not (progress and self.ranks.first),
            unit="step",
            desc=f"learning {self.plan.kind}",
        )
        with bar, torch.enable_grad():
            for chunk in self._batches():
                entry = self._learn(chunk)
                self.step += 1
                bar.update()
                if self.step % LOOK == 0 or self.step == self.plan.steps:
                    seen = {name: float(value) for name, value in entry.items()}
                    self.history.append({"step": self.step, **{n: round(v, 6) for n, v in seen.items()}})
                    bar.set_postfix(fvu=f"{seen['fvu']:.3f}", l0=f"{seen['l0']:.1f}", dead=f"{seen['dead']:.0%}")
                if folder is not None and (self.step % every == 0 or self.step == self.plan.steps):
                    self._save(folder)

    def dictionary(self, **about: Any) -> LinearDictionary:
        """What has been learnt so far."""
        return self.network.cpu().dictionary(**about)

    def _batches(self) -> Iterator[Chunk]:
        """One rank's share of a batch at a time, in a random order that only seed and place decide."""
        size = self.plan.batch // self.ranks.count
        while self.step < self.plan.steps:
            chunk = self.source.chunk(self.place.chunk)
            if chunk is None:
                raise InputError(
                    expected=f"text for {self.plan.steps} steps of {self.plan.batch} tokens",
                    got=f"an iterator that ended after {self.step} steps",
                    fix="Pass a list, which can be read again, or ask for fewer steps.",
                )
            count = len(chunk.read)
            own = 0 if self.source.whole else self.ranks.rank
            draw = torch.Generator().manual_seed((self.plan.seed * 1_000_003 + self.place.chunk) * 4099 + own)
            order = torch.randperm(count, generator=draw)
            step = self.plan.batch if self.source.whole else size
            step = min(step, count)
            while self.place.row + step <= count and self.step < self.plan.steps:
                rows = order[self.place.row : self.place.row + step]
                self.place = Place(self.place.chunk, self.place.row + step)
                if self.source.whole and self.ranks.count > 1:
                    rows = rows[self.ranks.rank :: self.ranks.count]
                rows = rows.to(chunk.read.device)
                read = chunk.read[rows].to(self.device)
                same = chunk.written is chunk.read
                yield Chunk(read, read if same else chunk.written[rows].to(self.device))
            if self.step < self.plan.steps:
                self.place = Place(self.place.chunk + 1, 0)

    def _learn(self, chunk: Chunk) -> dict[str, torch.Tensor]:
        network = self.network
        for group in self.adam.param_groups:
            group["lr"] = self.plan.rate * pace(self.step, self.plan.steps)
        x, y = network.scaled(chunk)
        fast = torch.autocast("cuda", torch.bfloat16) if self.device.type == "cuda" else nullcontext()
        with fast:
            loss, seen = network.loss(x, y)
            dead = self.silent >= self.plan.dead_after
            loss = loss + REVIVAL * network.revive(dead, seen, y)
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        self.ranks.mean_(p.grad for p in network.parameters() if p.grad is not None)
        network.forget_lengths()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        self.adam.step()
        network.unit_directions()
        return self._look(seen, dead, len(x))

    @torch.no_grad()
    def _look(self, seen: dict[str, torch.Tensor], dead: torch.Tensor, tokens: int) -> dict[str, torch.Tensor]:
        codes = seen["codes"]
        fired = (codes > 0).any(0).float()
        shared = [fired, (codes > 0).sum(1).float().mean().reshape(1), seen["fvu"].float().reshape(1)]
        self.ranks.mean_(shared)
        fired, l0, fvu = shared
        self.silent = torch.where(fired > 0, 0, self.silent + tokens * self.ranks.count)
        self.network.recipe.after_step(codes, l0[0], pace(self.step, self.plan.steps))
        self.ranks.mean_(self.network.recipe.buffers())
        return {"fvu": fvu[0], "l0": l0[0], "dead": dead.float().mean()}

    def _resume(self, folder: Path) -> None:
        found = checkpoint.read(folder / FILE, self._settings())
        if found is None:
            return
        tensors, progress = found
        self.network.load_state_dict({n[8:]: t for n, t in tensors.items() if n.startswith("network.")})
        adam = self.adam.state_dict()
        for i, name in enumerate(dict(self.network.named_parameters())):
            if f"adam.{name}.exp_avg" in tensors:
                adam["state"][i] = {k: tensors[f"adam.{name}.{k}"] for k in ("step", "exp_avg", "exp_avg_sq")}
        self.adam.load_state_dict(adam)
        self.silent = tensors["silent"].to(self.device)
        self.step, self.history = progress["step"], progress["history"]
        self.place = Place(*progress["places"][self.ranks.rank])

    def _save(self, folder: Path) -> None:
        places = self.ranks.gather(self.place)  # ranks that read different text stand at different rows
        if self.ranks.first:
            tensors = {f"network.{name}": t for name, t in self.network.state_dict().items()}
            for name, parameter in self.network.named_parameters():
                for key, value in self.adam.state[parameter].items():
                    tensors[f"adam.{name}.{key}"] = torch.as_tensor(value)
            tensors["silent"] = self.silent
            progress = {"settings": self._settings(), "step": self.step, "places": places, "history": self.history}
            checkpoint.write(folder / FILE, tensors, progress)
        self.ranks.wait()

    def _settings(self) -> dict[str, Any]:
        """What must be the same for a training to go on."""
        return {**self.plan.settings(), "ranks": self.ranks.count, "site_in": self.source.site_in}


def pace(step: int, steps: int) -> float:
    """The share of the full rate at a step: up over the first twentieth, down to zero over the last fifth."""
    return min(1.0, (step + 1) / max(1.0, steps / 20), (steps - step) / max(1.0, steps / 5))
