"""What each token says, exactly.

A tokenizer's pieces are not text: byte-level vocabularies write bytes in an alphabet of their own, SentencePiece marks
spaces with "▁", WordPiece marks continuations with "##". Here each piece becomes the text it stands for, so that
joining them gives back what the tokenizer would decode; pieces of one multi-byte character show their bytes, and a run
of `glyphs` says what they spell together.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from interpwidgets.errors import InputError
from interpwidgets.records import Tokens
from interpwidgets.records.byte_alphabet import alphabet

Glyphs = list[tuple[int, int, str]]
# What the WordPiece decoder of the `tokenizers` library tidies, piece by piece.
_WORDPIECE_CLEANUP = (
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
    (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
)  # fmt: skip


def describe(ids: Sequence[int], tokenizer: Any) -> Tokens:
    """Token texts for ids, faithful to the tokenizer.

    Args:
        ids: vocabulary ids ``[token]``.
        tokenizer: a Hugging Face tokenizer; anything with ``decode(list of ids)``; or None, when the ids themselves
            are the texts.
    """
    ids = [int(i) for i in ids]
    array = np.asarray(ids, dtype=np.int64)
    if tokenizer is None or not hasattr(tokenizer, "convert_ids_to_tokens"):
        decode = getattr(tokenizer, "decode", None)
        return Tokens(texts=tuple(str(decode([i]) if decode is not None else i) for i in ids), ids=array)
    special_ids = set(getattr(tokenizer, "all_special_ids", ()) or ())
    special = np.array([i in special_ids for i in ids], dtype=bool)
    # An id the model knows and the tokenizer does not (padding of the vocabulary) decodes to nothing.
    pieces = [piece or "" for piece in tokenizer.convert_ids_to_tokens(ids)]
    texts, glyphs = _texts(ids, pieces, tokenizer)
    return Tokens(texts=tuple(texts), ids=array, special=special, glyphs=tuple(glyphs))


def patches(rows: int, columns: int, leading: Sequence[str]) -> Tokens:
    """Positions of a vision transformer: the leading special ones, then patches in reading order, ``"patch 3,4"``."""
    texts = [*leading, *(f"patch {row},{column}" for row in range(rows) for column in range(columns))]
    special = np.zeros(len(texts), dtype=bool)
    special[: len(leading)] = True
    return Tokens(texts=tuple(texts), special=special, grid=(rows, columns), grid_start=len(leading))


def _texts(ids: list[int], pieces: list[str], tokenizer: Any) -> tuple[list[str], Glyphs]:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return [tokenizer.decode([i]) for i in ids], []
    steps = _decoder_steps(backend)
    kinds = [step["type"] for step in steps]
    if "ByteLevel" in kinds:
        return _byte_level(pieces)
    if "WordPiece" in kinds:
        at = kinds.index("WordPiece")
        texts = [_word_piece(piece, i, steps[at]) for i, piece in enumerate(pieces)]
        for step in steps[at + 1 :]:
            # After Fuse a pattern sees the whole text: what it takes away is taken from the token it stands in.
            if step["type"] == "Replace" and "Regex" in step["pattern"] and step["content"] == "":
                texts = _without(texts, step["pattern"]["Regex"])
        return texts, []
    if not kinds:
        return [piece if i == 0 else " " + piece for i, piece in enumerate(pieces)], []
    if set(kinds) <= {"Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"}:
        return _sentence_piece(pieces, steps)
    if kinds == ["BPEDecoder"]:
        suffix = steps[0].get("suffix", "</w>")
        last = len(pieces) - 1
        return [piece.replace(suffix, "" if i == last else " ") for i, piece in enumerate(pieces)], []
    return [tokenizer.decode([i]) for i in ids], []


def _decoder_steps(backend: Any) -> list[dict[str, Any]]:
    if backend.decoder is None:
        return []
    state = backend.decoder.__getstate__()
    step = json.loads(state)
    return step["decoders"] if step["type"] == "Sequence" else [step]


def _byte_level(pieces: list[str]) -> tuple[list[str], Glyphs]:
    letters = alphabet()
    raw = [
        bytes(letters[c] for c in piece) if all(c in letters for c in piece) else piece.encode("utf-8", "replace")
        for piece in pieces
    ]
    texts, glyphs = [], []
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    start, spelled = 0, ""
    for i, piece in enumerate(raw):
        if not spelled and not decoder.getstate()[0]:
            start = i
        spelled += decoder.decode(piece, final=i == len(raw) - 1)
        texts.append(piece.decode("utf-8", "backslashreplace"))
        if decoder.getstate()[0]:
            continue
        whole = start == i and _is_text(piece)
        if not whole and spelled:
            glyphs.append((start, i + 1, spelled))
        spelled = ""
    return texts, glyphs


def _is_text(piece: bytes) -> bool:
    try:
        piece.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _without(texts: list[str], pattern: str) -> list[str]:
    """The texts without what a pattern matches in the whole that they make."""
    gone = {i for match in re.finditer(pattern, "".join(texts)) for i in range(*match.span())}
    kept, start = [], 0
    for text in texts:
        kept.append("".join(c for i, c in enumerate(text, start) if i not in gone))
        start += len(text)
    return kept


def _word_piece(piece: str, index: int, step: dict[str, Any]) -> str:
    prefix = step.get("prefix", "##")
    if index > 0:
        piece = piece.removeprefix(prefix) if piece.startswith(prefix) else " " + piece
    if step.get("cleanup", True):
        for old, new in _WORDPIECE_CLEANUP:
            piece = piece.replace(old, new)
    return piece


def _sentence_piece(pieces: list[str], steps: list[dict[str, Any]]) -> tuple[list[str], Glyphs]:
    texts = list(pieces)
    glyphs: Glyphs = []
    for step in steps:
        if step["type"] == "Replace" and "String" in step["pattern"]:
            texts = [t.replace(step["pattern"]["String"], step["content"]) for t in texts]
        elif step["type"] == "Metaspace":
            mark = step.get("replacement", "▁")
            texts = [t.replace(mark, " ") for t in texts]
            if texts and step.get("prepend_scheme", "always") != "never":
                texts[0] = texts[0].removeprefix(" ")
        elif step["type"] == "ByteFallback":
            texts, glyphs = _byte_fallback(texts)
        elif step["type"] == "Strip" and texts:
            # The prefix space SentencePiece invents before the first word. After Fuse it is the whole text's.
            for _ in range(int(step.get("start", 0))):
                texts[0] = texts[0].removeprefix(step["content"])
            for _ in range(int(step.get("stop", 0))):
                texts[-1] = texts[-1].removesuffix(step["content"])
    return texts, glyphs


def _byte_fallback(pieces: list[str]) -> tuple[list[str], Glyphs]:
    texts, glyphs = list(pieces), []
    i = 0
    while i < len(pieces):
        stop = i
        run = bytearray()
        while stop < len(pieces) and (byte := _fallback_byte(pieces[stop])) is not None:
            run.append(byte)
            stop += 1
        if stop == i:
            i += 1
            continue
        try:
            characters = list(run.decode("utf-8"))
        except UnicodeDecodeError:
            # The tokenizer shows one replacement mark for each byte of a run that is no text.
            for at in range(i, stop):
                texts[at] = f"\\x{run[at - i]:02x}"
                glyphs.append((at, at + 1, "\N{REPLACEMENT CHARACTER}"))
            i = stop
            continue
        for character in characters:
            width = len(character.encode("utf-8"))
            if width == 1:
                texts[i] = character
            else:
                texts[i : i + width] = [f"\\x{byte:02x}" for byte in character.encode("utf-8")]
                glyphs.append((i, i + width, character))
            i += width
    return texts, glyphs


def _fallback_byte(piece: str) -> int | None:
    if len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">"):
        try:
            return int(piece[3:5], 16)
        except ValueError:
            return None
    return None


def check_ids(ids: Sequence[int], vocabulary: int | None) -> None:
    """Raise where an id is outside the vocabulary."""
    if vocabulary is None:
        return
    bad = [(at, i) for at, i in enumerate(ids) if not 0 <= i < vocabulary]
    if bad:
        raise InputError(
            expected=f"token ids from 0 to {vocabulary - 1}",
            got=f"{bad[0][1]} at position {bad[0][0]}" + (f" and {len(bad) - 1} more" if len(bad) > 1 else ""),
            fix="Tokenise with this model's own tokenizer.",
        )
