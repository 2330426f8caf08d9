"""dictionary_learning's own classes as oracle: the same weights in, the same codes and reconstruction out."""

import json

import pytest
import torch

import interpwidgets as iw
from tests.parity.peer import modules_of

plain, top_k, batch_top_k, nested = modules_of(
    "dictionary_learning",
    "dictionary",
    "trainers.top_k",
    "trainers.batch_top_k",
    "trainers.matryoshka_batch_top_k",
)

KINDS = {
    "AutoEncoder": lambda: plain.AutoEncoder(12, 30),
    "GatedAutoEncoder": lambda: plain.GatedAutoEncoder(12, 30),
    "JumpReluAutoEncoder": lambda: plain.JumpReluAutoEncoder(12, 30),
    "AutoEncoderNew": lambda: plain.AutoEncoderNew(12, 30),
    "AutoEncoderTopK": lambda: top_k.AutoEncoderTopK(12, 30, 4),
    "BatchTopKSAE": lambda: batch_top_k.BatchTopKSAE(12, 30, 4),
    "MatryoshkaBatchTopKSAE": lambda: nested.MatryoshkaBatchTopKSAE(12, 30, 4, group_sizes=[10, 20]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_codes_and_reconstruction(kind, tmp_path):
    torch.manual_seed(0)
    peer = KINDS[kind]()
    with torch.no_grad():
        for name, value in peer.state_dict().items():
            if value.is_floating_point():
                value.copy_(
                    torch.rand(()) * 0.3 if name == "threshold" and value.dim() == 0 else 0.3 * torch.randn_like(value)
                )
        if kind == "JumpReluAutoEncoder":
            peer.threshold.abs_()
    torch.save(peer.state_dict(), tmp_path / "ae.pt")
    trainer = {"dict_class": kind, "k": 4, "layer": 1, "submodule_name": "resid_post_layer_1"}
    (tmp_path / "config.json").write_text(json.dumps({"trainer": trainer}))
    if kind == "AutoEncoder":
        peer = plain.AutoEncoder.from_pretrained(tmp_path / "ae.pt")
    ours = iw.load_dictionary(tmp_path)
    x = torch.randn(200, 12)
    threshold = {"use_threshold": True} if kind in ("BatchTopKSAE", "MatryoshkaBatchTopKSAE") else {}
    with torch.no_grad():
        codes = peer.encode(x, **threshold)
        torch.testing.assert_close(ours.encode(x), codes, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(ours.reconstruct(x), peer.decode(codes), rtol=1e-5, atol=1e-5)
    assert 0 < float((codes != 0).float().mean()) < 1
    assert ours.site_in == "resid_post.1"
