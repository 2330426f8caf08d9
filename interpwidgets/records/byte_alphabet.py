"""Tokens that were written down in the byte alphabet of GPT-2's tokenizer.

That tokenizer writes each of the 256 bytes as one printable character. A file that only exchanged its mark for the
space shows ``’`` as ``âĢĻ``; pieces of one character lie in several tokens. Here they are read back.
"""

from __future__ import annotations

import re
from functools import cache

from interpwidgets.records.tokens import Tokens


@cache
def alphabet() -> dict[str, int]:
    """Character -> byte: printable Latin-1 stands for itself, all others for the characters from 256 on.

    Radford et al. 2019, ``bytes_to_unicode``.
    """
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in kept]
    return {chr(b): b for b in kept} | {chr(256 + i): b for i, b in enumerate(others)}


def spelled(texts: list[str] | tuple[str, ...]) -> Tokens:
    """Tokens whose runs of byte characters are read as what they spell; what spells nothing stays as it is."""
    out, glyphs, i = list(texts), [], 0
    while i < len(texts):
        stop = i
        while stop < len(texts) and _bytes(texts[stop]) is not None:
            stop += 1
        # The longest run may hold more than one word, and end in a piece that belongs to none.
        for end in range(stop, i, -1):
            text = _text(b"".join(_bytes(t) or b"" for t in texts[i:end]))
            if text is not None:
                break
        else:
            i += 1
            continue
        if end - i == 1:
            out[i] = text
        else:
            out[i:end] = [_escaped(_bytes(t) or b"") for t in texts[i:end]]
            glyphs.append((i, end, text))
        i = end
    return Tokens(tuple(out), glyphs=tuple(glyphs))


def written(tokens: Tokens) -> list[str]:
    """The way back: pieces of one character in the byte alphabet, all else as it is."""
    letters = {byte: character for character, byte in alphabet().items()} | {0x20: " "}
    out = list(tokens.texts)
    for start, stop, _ in tokens.glyphs:
        for i in range(start, stop):
            pieces = re.findall(r"\\x([0-9a-f]{2})|(.)", out[i], re.DOTALL)
            out[i] = "".join(letters[int(code, 16)] if code else character for code, character in pieces)
    return out


def _bytes(text: str) -> bytes | None:
    """The bytes of a token with a character that stands for one beyond ASCII; None for all other tokens."""
    letters = alphabet()
    codes = [0x20 if c == " " else letters.get(c) for c in text]
    if any(code is None for code in codes) or not any(code is not None and code >= 0x80 for code in codes):
        return None
    return bytes(code for code in codes if code is not None)


def _text(data: bytes) -> str | None:
    try:
        return data.decode("utf8")
    except UnicodeDecodeError:
        return None


def _escaped(data: bytes) -> str:
    return "".join(chr(b) if 0x20 <= b < 0x7F else f"\\x{b:02x}" for b in data)
