"""A masked-diffusion transformer on texts of one topic each, trained on the spot."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from interpwidgets.dictionaries.checks import whole
from interpwidgets.errors import InputError
from interpwidgets.worlds.planted import draws
from interpwidgets.worlds.planted.feature_scores import FeatureScores, best_features

if TYPE_CHECKING:
    from transformers import BertForMaskedLM, PreTrainedTokenizerFast

    from interpwidgets.dictionaries import Dictionary
    from interpwidgets.models import Model

SPECIALS = ("[PAD]", "[UNK]", "[MASK]")
MASK = SPECIALS.index("[MASK]")
TOPICS = {
    "kitchen": ("oven", "spoon", "flour", "pan", "stove", "knife", "butter", "recipe"),
    "sea": ("wave", "sail", "tide", "anchor", "gull", "reef", "shore", "salt"),
    "garden": ("seed", "rose", "spade", "hedge", "bee", "soil", "leaf", "fence"),
}
WORDS = tuple(word for words in TOPICS.values() for word in words)
BATCH = 64
RATE = 4e-3  # at 1e-2 some seeds never learn to look at the other words
SITE = "resid_post.1"  # below it the topic is not one direction yet


@dataclass(frozen=True, eq=False)
class PlantedMaskedDiffusion:
    """A small masked-diffusion model whose data, and whose least possible loss, are known; made by `masked_diffusion`.

    Every text has one topic, and each of its words is one of the topic's eight, all equally likely. One visible word
    therefore settles the topic, and nothing settles the word: the loss at masked positions can fall to ln 8 and no
    further. What a dictionary on the last layer should find is the topic, and pushing a topic's feature at every
    denoising step should change what is written (after DLM-Scope, which trains sparse autoencoders on diffusion
    language models).

    Attributes:
        model: a bidirectional transformer of two layers, of Hugging Face's own class and code (BERT).
        tokenizer: one token for each word, and ``[MASK]``.
        topics: each topic's words.
        length: words in a text.
        loss: cross-entropy at masked positions of held-out texts with a word or more left, in nats.
        seed: what weights and texts were drawn from.
    """

    model: BertForMaskedLM
    tokenizer: PreTrainedTokenizerFast
    topics: dict[str, tuple[str, ...]]
    length: int
    loss: float
    seed: int

    @property
    def floor(self) -> float:
        """The least loss any model can have where one word or more is visible: ln 8, in nats."""
        return math.log(len(next(iter(self.topics.values()))))

    def sample(self, n: int, *, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids ``[text, word]`` of fresh texts and their topics ``[text]``; the same for a seed."""
        return _texts(whole("n", n, 0, 2**31), self.length, draws.generator(draws.SAMPLE, self.seed, seed))

    def masked(self, n: int, *, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """The same with masks in them: each text hides a share of its words that is even between none and all."""
        ids, topics = self.sample(n, seed=seed)
        return _hide(ids, draws.generator(draws.NOISE, self.seed, seed))[0], topics

    def prompt(self, topic: str, *, words: int = 2, seed: int = 0) -> str:
        """A text that begins with a few words of a topic; the rest are masks."""
        known = self.topics[self._check(topic)]
        draw = draws.generator(draws.SAMPLE, self.seed, seed)
        chosen = [known[i] for i in torch.randint(len(known), (whole("words", words, 0, self.length),), generator=draw)]
        return " ".join([*chosen, *["[MASK]"] * (self.length - len(chosen))])

    def topic_share(self, texts: Any, topic: str) -> float:
        """The share of a text's words, or of several texts' ids, that belong to a topic."""
        first = len(SPECIALS) + list(self.topics).index(self._check(topic)) * len(self.topics[topic])
        ids = torch.as_tensor(texts)
        return float(((ids >= first) & (ids < first + len(self.topics[topic]))).double().mean())

    def _check(self, topic: str) -> str:
        if topic not in self.topics:
            raise InputError(expected=f"a topic out of {', '.join(self.topics)}", got=repr(topic), fix="Choose one.")
        return topic

    def load(self, **options: Any) -> Model:
        """The model as an `interpwidgets.Model`, for every view.

        Args:
            options: as for `interpwidgets.load`.
        """
        from interpwidgets.models import load

        return load(self.model, self.tokenizer, **{"name": "planted/masked_diffusion", **options})

    def dictionary(self, lm: Model | None = None, *, seed: int = 0, progress: bool = False) -> Dictionary:
        """A TopK dictionary on the last layer, learnt from masked texts, its topic features labelled.

        Args:
            lm: the loaded model, where there is one already.
            seed: of its starting directions.
            progress: show a bar.
        """
        from interpwidgets.analyses.fit_dictionary import fit_dictionary

        lm = lm or self.load()
        ids, _ = self.masked(2000, seed=11)
        found = fit_dictionary(
            "topk", (lm, SITE, ids), n_features=24, k=2, steps=300, batch=1024, seed=seed, progress=progress,
            name="topics",
        )  # fmt: skip
        found.labels = {score.feature: name for name, score in self.topic_features(found, lm).items()}
        return found

    def topic_features(self, dictionary: Dictionary, lm: Model | None = None) -> dict[str, FeatureScores]:
        """The feature that detects each topic best, with its precision and recall on fresh masked texts."""
        lm = lm or self.load()
        ids, topics = self.masked(1000, seed=21)
        seen = (ids != MASK).any(1)
        _, kept = lm.run(ids[seen], sites=[dictionary.site_in or SITE])
        fires = dictionary.encode(next(iter(kept.values()))) > 0
        truth = torch.nn.functional.one_hot(topics[seen], len(self.topics)).bool()
        return best_features(fires.flatten(0, 1), truth.repeat_interleave(self.length, 0), tuple(self.topics))

    def spread(self, dictionary: Dictionary, feature: int, lm: Model | None = None) -> tuple[torch.Tensor, float]:
        """A feature's direction of length 1 ``[d_model]``, and the standard deviation of the stream along it.

        A strength of 8 standard deviations is ``Edit(site, add=direction, strength=8 * deviation)``.
        """
        lm = lm or self.load()
        ids, _ = self.masked(500, seed=31)
        _, kept = lm.run(ids, sites=[dictionary.site_in or SITE])
        direction = torch.nn.functional.normalize(dictionary.directions[feature].detach(), dim=0)
        return direction, float((next(iter(kept.values())) @ direction).std())

    def __repr__(self) -> str:
        return (
            f"PlantedMaskedDiffusion({len(self.topics)} topics of {len(WORDS) // len(self.topics)} words, texts of "
            f"{self.length}, loss {self.loss:.3f} beside a floor of {self.floor:.3f} nats)"
        )


def masked_diffusion(*, length: int = 12, steps: int = 600, seed: int = 0) -> PlantedMaskedDiffusion:
    """Train a masked-diffusion transformer of two layers, in some seconds.

    Each text hides a share of its words drawn evenly between none and all, and the model learns to name the hidden
    ones (Sahoo et al. 2024, "Simple and Effective Masked Diffusion Language Models", without their weights).

    Args:
        length: words in a text.
        steps: steps of training, 64 texts each.
        seed: draws weights and texts.

    Raises:
        InputError: a number out of range.
    """
    from transformers import BertConfig, BertForMaskedLM

    whole("length", length, 2, 64)
    whole("steps", steps, 1, 100_000)
    config = BertConfig(
        architectures=["BertForMaskedLM"], vocab_size=len(SPECIALS) + len(WORDS), hidden_size=32, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=64, max_position_embeddings=length, type_vocab_size=1,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, pad_token_id=0,
    )  # fmt: skip
    draw = draws.generator(draws.TRUTH, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(draw.initial_seed())
        model = BertForMaskedLM(config)
    _train(model, length, steps, draw)
    loss = _loss(model, length, draws.generator(draws.SAMPLE, seed, 1))
    return PlantedMaskedDiffusion(model, _tokenizer(length), dict(TOPICS), length, loss, seed)


def _texts(n: int, length: int, draw: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    topics = torch.randint(len(TOPICS), (n,), generator=draw)
    words = len(WORDS) // len(TOPICS)
    return len(SPECIALS) + topics[:, None] * words + torch.randint(words, (n, length), generator=draw), topics


def _hide(ids: torch.Tensor, draw: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Texts with masks, and where they are: one at least."""
    hidden = torch.rand(ids.shape, generator=draw) < torch.rand(len(ids), 1, generator=draw)
    hidden[:, 0] |= ~hidden.any(1)
    return torch.where(hidden, MASK, ids), hidden


def _train(model: Any, length: int, steps: int, draw: torch.Generator) -> None:
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps + 1)
    model.train()
    for _ in range(steps):
        ids, _topics = _texts(BATCH, length, draw)
        shown, hidden = _hide(ids, draw)
        loss = torch.nn.functional.cross_entropy(model(input_ids=shown).logits[hidden], ids[hidden])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rate.step()
    model.eval().requires_grad_(False)


def _loss(model: Any, length: int, draw: torch.Generator) -> float:
    """On fresh texts with a word or more left: with none, the topic is open too."""
    ids, _ = _texts(2000, length, draw)
    shown, hidden = _hide(ids, draw)
    asked = hidden & ~hidden.all(1, keepdim=True)
    with torch.no_grad():
        return float(torch.nn.functional.cross_entropy(model(input_ids=shown).logits[asked], ids[asked]))


def _tokenizer(length: int) -> PreTrainedTokenizerFast:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    ids = {word: i for i, word in enumerate((*SPECIALS, *WORDS))}
    core = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    # A space before each token but the first.
    core.decoder = decoders.WordPiece(prefix="##", cleanup=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="[PAD]", unk_token="[UNK]", mask_token="[MASK]", model_max_length=length,
        model_input_names=["input_ids", "attention_mask"], clean_up_tokenization_spaces=False,
    )  # fmt: skip
