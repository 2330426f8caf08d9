"""Writes a peer's page of the same patterns. Runs in the peer's own interpreter: it imports nothing of ours.

    python peer_page.py circuitsvis|bertviz_head|bertviz_model|inspectus patterns.npy page.html

``patterns.npy`` is float32 ``[layer, head, query, key]``; tokens are ``w0``, ``w1``, ...
"""

import sys
from pathlib import Path

import numpy as np


def circuitsvis(pattern, tokens):
    from circuitsvis.attention import attention_heads

    return attention_heads(attention=pattern[0], tokens=tokens, mask_upper_tri=True).local_src


def bertviz(pattern, tokens, view):
    import torch
    from bertviz import head_view, model_view

    layers = [torch.from_numpy(layer)[None] for layer in pattern]
    return {"head": head_view, "model": model_view}[view](layers, tokens, html_action="return").data


def inspectus(pattern, tokens):
    import inspectus as package
    from IPython import display as shown

    parts = []
    shown.display = lambda output: parts.append(output.data)
    package.attention(pattern, tokens)
    return "".join(parts)


PEERS = {
    "circuitsvis": circuitsvis,
    "bertviz_head": lambda pattern, tokens: bertviz(pattern, tokens, "head"),
    "bertviz_model": lambda pattern, tokens: bertviz(pattern, tokens, "model"),
    "inspectus": inspectus,
}

if __name__ == "__main__":
    peer, source, target = sys.argv[1:]
    patterns = np.load(source)
    body = PEERS[peer](patterns, [f"w{i}" for i in range(patterns.shape[-1])])
    Path(target).write_text(f'<!doctype html><meta charset="utf-8"><body>{body}</body>', "utf8")
