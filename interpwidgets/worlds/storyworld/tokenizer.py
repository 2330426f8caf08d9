"""The tokenizer: one token per word, so that a picture of tokens is a picture of words.

Words and punctuation are split apart and carry no marker of a leading space; a year is two tokens, "1732" -> "17",
"32" (the form in which Hanna et al. 2023 study greater-than). ``<s>`` is put in front of every text. Decoding puts the
spaces back, so ``decode(encode(text)) == text`` for every text of this world.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from . import words as w
from .grammar import templates

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SPECIALS = ("<pad>", "<s>", "</s>", "<unk>")
CONTEXT = 256


def vocabulary() -> tuple[str, ...]:
    """Every word the world can say, in a fixed order: specials, punctuation and fixed words, then the lexicon."""
    fixed = sorted({item for form in templates() for item in form.items if isinstance(item, str)} - {"</s>"})
    lists = [value for value in vars(w).values() if isinstance(value, tuple) and value and isinstance(value[0], str)]
    pairs = [word for table in (w.ANIMALS, w.LANDMARKS, w.VERBS) for pair in table.items() for word in pair]
    slots = ["She", "He", "she", "he", "Her", "His", "her", "his", "him", "They", "in", "at"]
    slots += ["true", "false", "Yes", "No"]
    return tuple(dict.fromkeys([*SPECIALS, *fixed, *slots, *pairs, *(word for words in lists for word in words)]))


def save(tokenizer: PreTrainedTokenizerFast, path: Path) -> None:
    """Write the tokenizer's two files, under the class name that transformers 4 and 5 both know."""
    tokenizer.save_pretrained(path)
    file = path / "tokenizer_config.json"
    settings = json.loads(file.read_text()) | {"tokenizer_class": "PreTrainedTokenizerFast"}
    settings.pop("backend", None)
    file.write_text(json.dumps(settings, indent=2) + "\n")


def build() -> PreTrainedTokenizerFast:
    """The tokenizer in Hugging Face form."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    ids = {word: i for i, word in enumerate(vocabulary())}
    core = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Split(Regex(r"\d{2}"), "isolated")]
    )
    core.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 1)])
    core.decoder = decoders.Sequence(
        [
            decoders.WordPiece(prefix="##", cleanup=False),  # a space before each token but the first
            decoders.Fuse(),
            decoders.Replace(Regex(r" (?=[.,:?])"), ""),
            decoders.Replace(Regex(r"(?<=\d\d) (?=\d\d)"), ""),
        ]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>",
        model_max_length=CONTEXT, model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )  # fmt: skip
