"""Text in plotly figures."""

from __future__ import annotations

from html import escape


def plain(text: str) -> str:
    """Text as plotly shows it unchanged: it reads some markup, and a token or a label must stay text."""
    return escape(text, quote=False)
