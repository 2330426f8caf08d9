"""The words of the induction transformer: one token each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SPECIALS = ("<pad>", "<s>", "</s>", "<unk>")
START = 1
WORDS = (
    "apple", "bear", "bell", "boat", "book", "bread", "bridge", "brush", "cake", "candle", "castle", "chair",
    "cheese", "clock", "cloud", "coin", "cup", "desk", "door", "drum", "duck", "farm", "feather", "fire",
    "fish", "flag", "flower", "forest", "fox", "garden", "glass", "goat", "hammer", "hat", "hill", "horse",
    "house", "island", "key", "lake", "lamp", "leaf", "letter", "lion", "map", "milk", "mirror", "moon",
    "mouse", "nest", "ocean", "owl", "paper", "pear", "piano", "rain", "river", "rose", "stone", "train",
)  # fmt: skip


def build(words: tuple[str, ...], context: int) -> PreTrainedTokenizerFast:
    """The tokenizer in Hugging Face form; ``<s>`` is put in front of every text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    ids = {word: i for i, word in enumerate((*SPECIALS, *words))}
    core = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    core.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", START)]
    )
    # A space before each token but the first.
    core.decoder = decoders.WordPiece(prefix="##", cleanup=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>",
        model_max_length=context, model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )  # fmt: skip
