"""circuit-tracer's own transcoders as oracle: the same weights in, the same codes and output out."""

import numpy as np
import pytest
import torch

import interpwidgets as iw
from tests.parity.peer import modules_of

rules, transcoders = modules_of(
    "circuit_tracer",
    "transcoder.activation_functions",
    "transcoder.single_layer_transcoder",
    instead={"circuit_tracer.utils": {"get_default_device": lambda: torch.device("cpu")}},
)
D, N = 12, 30


def agree(ours, peer):
    x = torch.randn(200, D)
    with torch.no_grad():
        codes = peer.encode(x)
        torch.testing.assert_close(ours.encode(x), codes, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(ours.reconstruct(x), peer(x), rtol=1e-5, atol=1e-5)
    assert 0 < float((codes != 0).float().mean()) < 1


@pytest.mark.parametrize("skip", [False, True], ids=["plain", "skip"])
@pytest.mark.parametrize("kind", ["relu", "jumprelu", "topk"])
def test_the_same_codes_and_output(kind, skip, tmp_path):
    torch.manual_seed(0)
    rule = {
        "relu": lambda: torch.nn.functional.relu,
        "jumprelu": lambda: rules.JumpReLU(torch.rand(N)),
        "topk": lambda: rules.TopK(4),
    }[kind]()
    peer = transcoders.SingleLayerTranscoder(D, N, rule, 2, skip_connection=skip, dtype=torch.float32)
    with torch.no_grad():
        for name, value in peer.state_dict().items():
            if "threshold" not in name:
                value.copy_(0.4 * torch.randn_like(value))
    peer.to_safetensors(str(tmp_path / "layer_2.safetensors"))
    config = "model_kind: transcoder_set\nfeature_input_hook: mlp.hook_in\nfeature_output_hook: mlp.hook_out\n"
    (tmp_path / "config.yaml").write_text(config + ("activation: topk\nk: 4\n" if kind == "topk" else ""))
    ours = iw.load_dictionary(tmp_path, format="circuit_tracer", layer=2)
    agree(ours, peer)
    assert (ours.site_in, ours.site_out) == ("mlp_in.2", "mlp_out.2")


def test_gemma_scope_arrays_mean_the_same_to_both(tmp_path):
    draw = np.random.default_rng(0)
    shapes = {"W_enc": (D, N), "W_dec": (N, D), "b_enc": (N,), "b_dec": (D,)}
    arrays = {name: 0.4 * draw.standard_normal(shape).astype("f4") for name, shape in shapes.items()}
    np.savez(tmp_path / "params.npz", **arrays, threshold=draw.random(N).astype("f4"))
    peer = transcoders.load_gemma_scope_transcoder(str(tmp_path / "params.npz"), 2)
    ours = iw.load_dictionary(tmp_path / "params.npz", site_in="mlp_in.2", site_out="mlp_out.2")
    agree(ours, peer)
    assert (ours.kind, ours.site_in, ours.site_out) == ("transcoder", "mlp_in.2", "mlp_out.2")
