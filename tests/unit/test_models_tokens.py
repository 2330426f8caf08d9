"""Token texts: faithful to each kind of tokenizer, whatever the script."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from interpwidgets.models.tokens import describe
from interpwidgets.records import Tokens
from tests.unit import families as F

CORPUS = [
    "The quick brown fox jumps over the lazy dog, doesn't it? It's fine!",
    "Once upon a time there was a little girl named Lily who loved the park.",
    "naïve café straße — “quotes” … 12,345.67\n\tindented\r\n",
]
SAMPLES = [
    "Hello world",
    "  two  spaces\n\nand\ttabs ",
    "emoji 🙂🙂🏽 and 👩‍👩‍👧 family",
    "שלום עולם",
    "مرحبا بالعالم",
    "日本語テキスト",
    "mixed שלום and 🙂\n",
    "a",
    " ",
    "it's , not . fine ! ?",
    "\\xf0 is not a byte",
    "\u200f\u202eabc\u202c",
]


@functools.cache
def trained(kind: str) -> Any:
    """A small tokenizer of one kind, trained here; the decoders are those of the families it stands for."""
    if kind == "word_piece":
        backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        backend.normalizer = normalizers.BertNormalizer(lowercase=False)
        backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        backend.decoder = decoders.WordPiece()
        trainer: Any = trainers.WordPieceTrainer(vocab_size=300, special_tokens=["[UNK]", "[CLS]", "[SEP]"])
        special = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    elif kind == "word_level":
        backend = Tokenizer(models.WordLevel(unk_token="<unk>"))
        backend.pre_tokenizer = pre_tokenizers.Whitespace()
        trainer = trainers.WordLevelTrainer(special_tokens=["<unk>", "<s>"])
        special = {"unk_token": "<unk>", "bos_token": "<s>"}
    elif kind == "metaspace":
        backend = Tokenizer(models.Unigram())
        backend.pre_tokenizer = pre_tokenizers.Metaspace()
        backend.decoder = decoders.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=200, special_tokens=["<unk>", "</s>"], unk_token="<unk>")
        special = {"unk_token": "<unk>", "eos_token": "</s>"}
    elif kind == "end_of_word":
        backend = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
        backend.pre_tokenizer = pre_tokenizers.Whitespace()
        backend.decoder = decoders.BPEDecoder()
        trainer = trainers.BpeTrainer(vocab_size=200, special_tokens=["<unk>"], end_of_word_suffix="</w>")
        special = {"unk_token": "<unk>"}
    else:
        backend = Tokenizer(models.BPE())
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        backend.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<|end|>"], initial_alphabet=alphabet)
        special = {"eos_token": "<|end|>"}
    backend.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, clean_up_tokenization_spaces=False, **special)


@functools.cache
def real(path: str) -> Any:
    return AutoTokenizer.from_pretrained(F.data(path))


KINDS = ["byte_level", "word_piece", "word_level", "metaspace", "end_of_word"]
REAL = ["tokenizers/gpt2", "models/stories260K"]


def joined(tokens: Tokens) -> str:
    """All texts in a row, each run of byte pieces replaced by what it spells."""
    out, at = "", 0
    for start, stop, text in tokens.glyphs:
        out += "".join(tokens.texts[at:start]) + text
        at = stop
    return out + "".join(tokens.texts[at:])


def decoded(tokenizer: Any, ids: list[int]) -> str:
    return tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", SAMPLES)
def test_joining_the_texts_is_decoding(kind: str, text: str) -> None:
    tokenizer = trained(kind)
    ids = tokenizer(text)["input_ids"]
    assert joined(describe(ids, tokenizer)) == decoded(tokenizer, ids)


@pytest.mark.parametrize("path", REAL)
@pytest.mark.parametrize("text", SAMPLES)
def test_joining_the_texts_is_decoding_with_real_tokenizers(path: str, text: str) -> None:
    tokenizer = real(path)
    ids = tokenizer(text)["input_ids"]
    assert joined(describe(ids, tokenizer)) == decoded(tokenizer, ids)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_text_and_any_ids(kind: str, data: st.DataObject) -> None:
    """Ids in any order too: half characters, lone continuation bytes, special tokens in the middle."""
    tokenizer = trained(kind)
    text = data.draw(st.text(st.characters(codec="utf-8"), max_size=30))
    some = st.lists(st.integers(0, len(tokenizer) - 1), max_size=12)
    for ids in (tokenizer(text)["input_ids"], data.draw(some)):
        tokens = describe(ids, tokenizer)
        assert len(tokens) == len(ids)
        assert joined(tokens) == decoded(tokenizer, ids)
        assert all(0 <= a < b <= len(ids) for a, b, _ in tokens.glyphs)


@pytest.mark.parametrize("path", REAL)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_text_and_any_ids_with_real_tokenizers(path: str, data: st.DataObject) -> None:
    tokenizer = real(path)
    text = data.draw(st.text(st.characters(codec="utf-8"), max_size=30))
    some = st.lists(st.integers(0, len(tokenizer) - 1), max_size=12)
    for ids in (tokenizer(text)["input_ids"], data.draw(some)):
        assert joined(describe(ids, tokenizer)) == decoded(tokenizer, ids)


def test_gpt2_pieces_of_an_emoji_show_their_bytes() -> None:
    tokenizer = real("tokenizers/gpt2")
    tokens = describe(tokenizer("Hi 🫠!")["input_ids"], tokenizer)
    assert len(tokens.glyphs) == 1
    start, stop, text = tokens.glyphs[0]
    assert stop - start > 1
    assert text.strip() == "🫠"
    assert "".join(tokens.texts[start:stop]).strip() == "\\xf0\\x9f\\xab\\xa0"
    assert tokens.texts[0] == "Hi"
    assert tokens.texts[-1] == "!"


def test_gpt2_keeps_newlines_spaces_and_right_to_left_text() -> None:
    tokenizer = real("tokenizers/gpt2")
    assert describe(tokenizer("a b\n")["input_ids"], tokenizer).texts == ("a", " b", "\n")
    hebrew = describe(tokenizer("שלום")["input_ids"], tokenizer)
    assert joined(hebrew) == "שלום"
    end = describe([tokenizer.eos_token_id], tokenizer)
    assert end.texts == ("<|endoftext|>",)
    assert end.special.tolist() == [True]


def test_stories_falls_back_to_bytes() -> None:
    tokenizer = real("models/stories260K")
    tokens = describe(tokenizer("Hi\n🙂")["input_ids"], tokenizer)
    assert tokens.texts[0] == "<s>"
    assert tokens.special[0]
    assert "\n" in tokens.texts
    assert tokens.glyphs == ((len(tokens) - 4, len(tokens), "🙂"),)
    assert tokens.texts[-4:] == ("\\xf0", "\\x9f", "\\x99", "\\x82")


def test_word_piece_marks_the_start_of_words() -> None:
    tokenizer = trained("word_piece")
    tokens = describe(tokenizer("The quick brown")["input_ids"], tokenizer)
    assert tokens.texts[0] == "The"
    assert "".join(tokens.texts) == "The quick brown"
    assert not any(text.startswith("##") for text in tokens.texts)


def test_ids_without_a_tokenizer_are_their_own_texts() -> None:
    assert describe([3, 5], None).texts == ("3", "5")


def test_a_tokenizer_that_only_decodes() -> None:
    class Letters:
        def decode(self, ids: list[int]) -> str:
            return "".join(chr(97 + i) for i in ids)

    assert describe([0, 2], Letters()).texts == ("a", "c")


def test_an_id_beyond_the_tokenizers_vocabulary() -> None:
    """Models pad their vocabulary; such an id has no text, and no error."""
    tokenizer = trained("byte_level")
    tokens = describe([5, len(tokenizer) + 7], tokenizer)
    assert tokens.texts[1] == ""


def test_texts_are_json_safe() -> None:
    tokenizer = trained("byte_level")
    tokens = describe(tokenizer("🙂 <b>&\x00")["input_ids"], tokenizer)
    assert tuple(json.loads(json.dumps(tokens.texts))) == tokens.texts


def test_storyworld_words_join_to_the_text_itself() -> None:
    """Its decoder takes the space before punctuation and inside a year away, once the words are joined."""
    from transformers import AutoTokenizer

    from interpwidgets.worlds import storyworld

    tokenizer = AutoTokenizer.from_pretrained(storyworld.folder())
    for story in storyworld.generate(20, seed=5):
        tokens = describe(tokenizer(story.text)["input_ids"], tokenizer)
        assert tokens.texts[0] == "<s>"
        assert "".join(tokens.texts[1:]).strip() == story.text
