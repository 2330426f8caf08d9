"""A recommender of films whose users' tastes are known, trained on the spot."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any

import torch

from interpwidgets.dictionaries.checks import whole
from interpwidgets.errors import InputError
from interpwidgets.worlds.planted import draws
from interpwidgets.worlds.planted.feature_scores import FeatureScores, best_features
from interpwidgets.worlds.planted.titles import GENRES, TITLES, Titles

if TYPE_CHECKING:
    from transformers import GPT2LMHeadModel

    from interpwidgets.dictionaries import Dictionary
    from interpwidgets.models import Model

LENGTH = 24  # films a user has seen
BATCH = 64
SITE = "resid_post.0"
SETTLED = 4  # after so many films a taste shows


@dataclass(frozen=True, eq=False)
class PlantedRecommender:
    """A next-item model over 120 films, and users whose tastes are known; made by `recommender`.

    Every user likes two of six genres. A film they watch comes from one of the two with probability `share`, each as
    likely, and from any genre otherwise; within a genre all films are alike. What can be predicted is therefore the
    genre and nothing else, and the least possible loss follows from Bayes' rule (`floor`). A dictionary on what the
    model knows before it predicts should find one feature for each genre, and switching it off should take that genre
    out of the recommendations (RecSAE does this for recommenders in use).

    Attributes:
        model: a one-layer causal transformer over items (as SASRec, Kang and McAuley 2018), of Hugging Face's GPT-2.
        tokenizer: from titles to item ids and back.
        genres: each genre's titles; item ids run through them in order.
        share: how often a film comes from the user's own genres.
        seed: what weights and users were drawn from.
    """

    model: GPT2LMHeadModel
    tokenizer: Titles
    genres: dict[str, tuple[str, ...]]
    share: float
    seed: int

    def sample(self, n: int, *, length: int = LENGTH, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """What some users watched ``[user, film]`` and which genres they like ``[user, genre]``; the same for a seed.

        Raises:
            InputError: more films than the model has positions.
        """
        draw = draws.generator(draws.SAMPLE, self.seed, seed)
        return _watch(whole("n", n, 0, 2**31), whole("length", length, 1, LENGTH), self.share, draw)

    def sequences(self, n: int, *, seed: int = 0) -> list[list[int]]:
        """The same as lists of item ids, as `build_index` and `fit_dictionary` read them."""
        return self.sample(n, seed=seed)[0].tolist()

    def load(self, **options: Any) -> Model:
        """The model as an `interpwidgets.Model`, for every view: its tokens are films.

        Args:
            options: as for `interpwidgets.load`.
        """
        from interpwidgets.models import load

        return load(self.model, self.tokenizer, **{"name": "planted/recommender", **options})

    @cached_property
    def loss(self) -> float:
        """Cross-entropy of the next film on new users, in nats."""
        ids, _ = self.sample(1000, seed=41)
        with torch.no_grad():
            return float(self.model(input_ids=ids, labels=ids).loss)

    @cached_property
    def floor(self) -> float:
        """The least loss any model can have on the same users, in nats: Bayes' rule over the pairs of tastes."""
        ids, _ = self.sample(1000, seed=41)
        return float(
            -self.ideal(ids)[:, :-1].gather(2, ids[:, 1:, None] // _per_genre()).div(_per_genre()).log().mean()
        )

    def ideal(self, ids: torch.Tensor) -> torch.Tensor:
        """The true chance of each genre after each film ``[user, film, genre]``, knowing only what was watched."""
        n = len(self.genres)
        pairs = torch.tensor(list(combinations(range(n), 2)))
        chance = torch.full((len(pairs), n), (1 - self.share) / n).scatter_add(
            1, pairs, torch.full(pairs.shape, self.share / 2)
        )
        seen = chance.log()[:, ids // _per_genre()].cumsum(-1)
        return torch.einsum("put,pg->utg", seen.softmax(0), chance)

    def dictionary(self, lm: Model | None = None, *, seed: int = 1, progress: bool = False) -> Dictionary:
        """A TopK dictionary on what the model knows before it predicts, its genre features labelled.

        Two features fire at a time, as many as a user has tastes, out of eight. Given 24, features begin to stand for
        pairs of genres instead: fifteen pairs fit in as well as six genres.

        Args:
            lm: the loaded model, where there is one already.
            seed: of its starting directions; some of them leave a genre to two features. The default one does not.
            progress: show a bar.
        """
        from interpwidgets.analyses.fit_dictionary import fit_dictionary

        lm = lm or self.load()
        found = fit_dictionary(
            "topk", (lm, SITE, self.sequences(1000, seed=11)), n_features=8, k=2, steps=1200, batch=1024, seed=seed,
            progress=progress, name="genres",
        )  # fmt: skip
        found.labels = {score.feature: name for name, score in self.genre_features(found, lm).items()}
        return found

    def genre_features(self, dictionary: Dictionary, lm: Model | None = None) -> dict[str, FeatureScores]:
        """The feature that detects each genre best, with its precision and recall on new users.

        A feature is right where the user likes the genre; the first films are left out, since no taste shows yet.
        """
        lm = lm or self.load()
        ids, likes = self.sample(1000, seed=21)
        _, kept = lm.run(ids, sites=[dictionary.site_in or SITE])
        fires = (dictionary.encode(next(iter(kept.values()))) > 0)[:, SETTLED:]
        truth = likes[:, None].expand(-1, fires.shape[1], -1)
        return best_features(fires.flatten(0, 1), truth.flatten(0, 1), tuple(self.genres))

    def genre_mass(self, genre: str, ids: Any = None, *, lm: Model | None = None) -> float:
        """The probability that the model gives to all films of a genre, on average, under the edits that are active.

        Args:
            genre: which.
            ids: what users watched ``[user, film]``; by default new users who like the genre.
            lm: the loaded model whose edits count; without it the bare model is asked.

        Raises:
            InputError: a genre there is not.
        """
        if genre not in self.genres:
            raise InputError(expected=f"a genre out of {', '.join(self.genres)}", got=repr(genre), fix="Choose one.")
        at = list(self.genres).index(genre)
        if ids is None:
            ids, likes = self.sample(1000, seed=31)
            ids = ids[likes[:, at]]
        ids = torch.as_tensor(ids)
        with torch.no_grad():
            logits = (lm.run(ids)[0] if lm is not None else self.model(input_ids=ids)).logits
        films = slice(at * _per_genre(), (at + 1) * _per_genre())
        return float(logits[:, SETTLED:].softmax(-1)[..., films].sum(-1).mean())

    def __repr__(self) -> str:
        return f"PlantedRecommender({len(TITLES)} films in {len(self.genres)} genres, users of two tastes)"


def recommender(*, share: float = 0.9, steps: int = 400, seed: int = 0) -> PlantedRecommender:
    """Train a small recommender on users whose tastes are known, in some seconds.

    Args:
        share: how often a film comes from one of the user's two genres.
        steps: steps of training, 64 users each.
        seed: draws weights and users.

    Raises:
        InputError: a number out of range.
    """
    from transformers import GPT2Config, GPT2LMHeadModel

    draws.share("share", share)
    whole("steps", steps, 1, 100_000)
    config = GPT2Config(
        architectures=["GPT2LMHeadModel"], vocab_size=len(TITLES), n_positions=LENGTH, n_embd=32, n_layer=1, n_head=2,
        n_inner=64, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    draw = draws.generator(draws.TRUTH, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(draw.initial_seed())
        model = GPT2LMHeadModel(config)
    _train(model, share, steps, draw)
    return PlantedRecommender(model, Titles(), dict(GENRES), share, seed)


def _per_genre() -> int:
    return len(TITLES) // len(GENRES)


def _watch(n: int, length: int, share: float, draw: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    likes = draws.choose(n, len(GENRES), 2, draw)
    genre = likes.gather(1, torch.randint(2, (n, length), generator=draw))
    stray = torch.rand(n, length, generator=draw) >= share
    genre = torch.where(stray, torch.randint(len(GENRES), (n, length), generator=draw), genre)
    films = genre * _per_genre() + torch.randint(_per_genre(), (n, length), generator=draw)
    return films, torch.zeros(n, len(GENRES), dtype=torch.bool).scatter(1, likes, True)


def _train(model: Any, share: float, steps: int, draw: torch.Generator) -> None:
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.01)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=steps + 1)
    model.train()
    for _ in range(steps):
        ids, _likes = _watch(BATCH, LENGTH, share, draw)
        loss = torch.nn.functional.cross_entropy(
            model(input_ids=ids).logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten()
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rate.step()
    model.eval().requires_grad_(False)
