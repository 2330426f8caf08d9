"""A two-layer transformer that does induction because its weights were written to."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from interpwidgets.dictionaries.checks import whole
from interpwidgets.errors import InputError
from interpwidgets.worlds.planted import draws, induction_tokenizer, induction_weights

if TYPE_CHECKING:
    from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

    from interpwidgets.models import Model


@dataclass(frozen=True, eq=False)
class PlantedInduction:
    """A GPT-2 of two layers that continues a repeated text, with every part known; made by `induction`.

    Head 0.1 writes at each position which token stood before it. Head 1.2 looks for the position whose previous token
    is the token it stands on, and copies what it finds there: ``... a b ... a -> b`` (Elhage et al. 2021, "A
    Mathematical Framework for Transformer Circuits"; Olsson et al. 2022, "In-context Learning and Induction Heads").
    Every other head, and both MLPs, look and write at random, a little.

    Attributes:
        model: the model, of Hugging Face's own class and code.
        tokenizer: one token for each word, ``<s>`` in front.
        words: all words.
        context: how many positions there are.
        noise: length of what each idle head and MLP writes, beside 1 for a word that is copied.
        seed: draws that noise.
        heads: the two heads, ``(layer, head)``, by what they do.
        edge: the path that carries the answer: the writing head, the reading head, and what it is read for.
        slots: what each stretch of the residual stream means.
    """

    model: GPT2LMHeadModel
    tokenizer: PreTrainedTokenizerFast
    words: tuple[str, ...]
    context: int
    noise: float
    seed: int
    slots: dict[str, slice] = field(repr=False)
    heads: dict[str, tuple[int, int]] = field(
        default_factory=lambda: {
            "previous_token": induction_weights.PREVIOUS_TOKEN,
            "induction": induction_weights.INDUCTION,
        }
    )
    edge: tuple[tuple[int, int], tuple[int, int], str] = (
        induction_weights.PREVIOUS_TOKEN,
        induction_weights.INDUCTION,
        "k",
    )

    def sample(self, n: int, *, length: int = 20, seed: int = 0) -> torch.Tensor:
        """Random words, repeated once: ``<s>``, `length` different words, and the same words again.

        Args:
            n: how many texts.
            length: how many words are repeated.
            seed: which sample.

        Returns:
            Ids ``[text, 1 + 2 * length]``. From position ``length + 1`` on, the next token is known.

        Raises:
            InputError: more words than there are, or than fit.
        """
        most = min(len(self.words), (self.context - 1) // 2)
        whole("length", length, 1, most)
        draw = draws.generator(draws.SAMPLE, self.seed, seed)
        first = len(induction_tokenizer.SPECIALS)
        ids = first + draws.choose(whole("n", n, 0, 2**31), len(self.words), length, draw)
        return torch.cat([torch.full((n, 1), induction_tokenizer.START), ids, ids], dim=1)

    def text(self, *, length: int = 12, seed: int = 0) -> str:
        """One such text, as words."""
        ids = self.sample(1, length=length, seed=seed)[0].tolist()
        return str(self.tokenizer.decode(ids, skip_special_tokens=True))

    def load(self, **options: Any) -> Model:
        """The model as an `interpwidgets.Model`, for every view.

        Args:
            options: as for `interpwidgets.load`.
        """
        from interpwidgets.models import load

        return load(self.model, self.tokenizer, **{"name": "planted/induction", **options})

    def save(self, folder: str | Path) -> Path:
        """Write model and tokenizer into a folder, for ``AutoModelForCausalLM`` and ``AutoTokenizer``."""
        from safetensors.torch import save_file

        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        weights = {name: value.contiguous() for name, value in self.model.state_dict().items()}
        save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
        self.model.config.save_pretrained(target)
        self.tokenizer.save_pretrained(target)
        return target

    def __repr__(self) -> str:
        return (
            f"PlantedInduction({len(self.words)} words, context {self.context}, d_model {self.model.config.n_embd}, "
            f"heads {self.heads}, noise {self.noise:g})"
        )


def induction(*, n_words: int = 60, context: int = 64, noise: float = 0.2, seed: int = 0) -> PlantedInduction:
    """An induction transformer whose weights are written by hand, so that its circuit is known.

    Args:
        n_words: how many words it knows, at most 60.
        context: how many positions, ``<s>`` included.
        noise: length of what each idle head and MLP writes, beside 1 for a word that is copied; 0 silences them.
        seed: draws that noise.

    Raises:
        InputError: a number out of range.
    """
    from transformers import GPT2Config, GPT2LMHeadModel

    words = induction_tokenizer.WORDS[: whole("n_words", n_words, 2, len(induction_tokenizer.WORDS))]
    whole("context", context, 3, 512)
    if draws.at_least_zero("noise", noise) > 1:
        raise InputError(
            expected="a noise from 0 to 1", got=f"{noise:g}", fix="Above about 0.5 the idle parts drown the answer."
        )
    n_special = len(induction_tokenizer.SPECIALS)
    n_tokens = n_special + len(words)
    layout = induction_weights.Layout(n_tokens, context)
    config = GPT2Config(
        architectures=["GPT2LMHeadModel"],
        vocab_size=n_tokens, n_positions=context, n_embd=layout.d_model, n_layer=induction_weights.N_LAYERS,
        n_head=induction_weights.N_HEADS, n_inner=induction_weights.D_HIDDEN,
        layer_norm_epsilon=induction_weights.EPSILON, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        tie_word_embeddings=False, bos_token_id=induction_tokenizer.START, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    # The constructor draws weights that are overwritten; nobody's random state should move for that.
    with torch.random.fork_rng(devices=[]):
        model = GPT2LMHeadModel(config).eval()
    stream = draws.generator(draws.TRUTH, seed).initial_seed()
    words_at = range(n_special, n_tokens)
    induction_weights.write(model, layout, words=words_at, start=induction_tokenizer.START, noise=noise, seed=stream)
    tokenizer = induction_tokenizer.build(words, context)
    return PlantedInduction(model, tokenizer, words, context, noise, seed, layout.slots())
