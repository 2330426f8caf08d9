"""SAEDashboard, in its own environment, on storyworld and one of its dictionaries.

Run as ``python peer_dashboard.py WEIGHTS FOLDER``: the model's folder, and one with ``sae`` (SAELens' layout) and
``tokens.npy`` [row, token]. Prints one line of JSON: seconds, bytes of the page, and what it found of each feature.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import torch
from sae_dashboard.data_writing_fns import save_feature_centric_vis
from sae_dashboard.sae_vis_data import SaeVisConfig
from sae_dashboard.sae_vis_runner import SaeVisRunner
from sae_lens import SAE, HookedSAETransformer
from transformer_lens import HookedTransformerConfig
from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast


def hooked(weights: Path) -> HookedSAETransformer:
    own = GPT2LMHeadModel.from_pretrained(weights).float().eval()
    given = own.config
    config = HookedTransformerConfig(
        n_layers=given.n_layer, d_model=given.n_embd, n_ctx=given.n_positions, d_head=given.n_embd // given.n_head,
        n_heads=given.n_head, d_mlp=given.n_inner, d_vocab=given.vocab_size, act_fn="gelu_new",
        normalization_type="LN", device="cpu", default_prepend_bos=False,
    )  # fmt: skip
    model = HookedSAETransformer(config)
    plain = {"center_writing_weights": False, "center_unembed": False, "fold_value_biases": False}
    model.load_and_process_state_dict(convert_gpt2_weights(own, config), fold_ln=True, **plain)
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    model.tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(weights / "tokenizer.json"), **special)
    model.cfg.tokenizer_prepends_bos = True
    return model


def main() -> None:
    weights, folder = Path(sys.argv[1]), Path(sys.argv[2])
    model, sae = hooked(weights), SAE.load_from_disk(str(folder / "sae"), device="cpu")
    tokens = torch.from_numpy(np.load(folder / "tokens.npy")).long()
    config = SaeVisConfig(
        hook_point=sae.cfg.metadata.hook_name, features=list(range(sae.cfg.d_sae)), minibatch_size_features=128
    )
    start = time.perf_counter()
    data = SaeVisRunner(config).run(encoder=sae, model=model, tokens=tokens)
    made = time.perf_counter()
    page = folder / "page.html"
    save_feature_centric_vis(sae_vis_data=data, filename=str(page))
    found = {}
    for number, feature in data.feature_data_dict.items():
        rows = feature.sequence_data.seq_group_data[0].seq_data
        percent = re.search(r"([\d.]+)\s*%", feature.acts_histogram_data.title or "")
        found[number] = {
            "max": max([max(row.feat_acts) for row in rows] or [0.0]),
            "density": float(percent[1]) / 100 if percent else None,
            "logits": [float(value) for value in feature.logits_table_data.top_logits],
            "ids": [int(token) for token in feature.logits_table_data.top_token_ids],
        }
    seconds = {"seconds": made - start, "page_seconds": time.perf_counter() - made}
    print(json.dumps({**seconds, "bytes": page.stat().st_size, "features": found}))


if __name__ == "__main__":
    main()
