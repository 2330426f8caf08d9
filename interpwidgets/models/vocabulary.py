"""Every token a model can read or write, as text."""

from __future__ import annotations

from typing import Any

from interpwidgets.models.tokens import describe
from interpwidgets.records.vocabulary import Vocabulary


class ModelVocabulary(Vocabulary):
    """The tokens of one model; ``lm.vocabulary``.

    An id that the model knows and the tokenizer does not says "".
    """

    def __init__(self, size: int, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        # What a token says can depend on the one before: a first piece may lose its space (SentencePiece), digits may
        # stick together. So the same one stands before each.
        said = describe([i for number in range(size) for i in (0, number)], tokenizer).texts
        super().__init__(said[1::2])

    def _pieces(self, token: str) -> str:
        if not hasattr(self._tokenizer, "encode"):
            return ""
        ids: list[int] = self._tokenizer.encode(token, add_special_tokens=False)
        return f", which is {len(ids)} tokens: {[self.texts[i] for i in ids[:6]]}" if len(ids) > 1 else ""
