"""sparsify's own SparseCoder as oracle: the same weights in, the same codes and reconstruction out."""

import pytest
import torch

import interpwidgets as iw
from tests.parity.peer import modules_of

coder, config = modules_of("sparsify", "sparse_coder", "config")


@pytest.mark.parametrize(
    "options",
    [{}, {"activation": "groupmax"}, {"transcode": True}, {"transcode": True, "skip_connection": True}],
    ids=["topk", "groupmax", "transcoder", "skip"],
)
def test_the_same_codes_and_reconstruction(options, tmp_path):
    torch.manual_seed(0)
    peer = coder.SparseCoder(12, config.SparseCoderConfig(num_latents=32, k=4, normalize_decoder=False, **options))
    with torch.no_grad():
        for value in peer.state_dict().values():
            value.copy_(0.3 * torch.randn_like(value))
    folder = tmp_path / "layers.1.mlp"
    peer.save_to_disk(folder)
    ours = iw.load_dictionary(folder)
    x = torch.randn(200, 12)
    with torch.no_grad():
        found = peer(x)
        codes = torch.zeros(200, 32).scatter(1, found.latent_indices, found.latent_acts)
        torch.testing.assert_close(ours.encode(x), codes, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(ours.reconstruct(x), found.sae_out, rtol=1e-5, atol=1e-5)
