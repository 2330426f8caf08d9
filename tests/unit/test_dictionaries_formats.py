"""Every layout, from files built by hand as the peers document them; and files that mean harm."""

import json
import os
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import interpwidgets as iw
from interpwidgets import InputError
from interpwidgets.dictionaries import (
    BatchTopK,
    Matryoshka,
    Normalisation,
    SparseAutoencoder,
    Transcoder,
    check_fits,
    from_sae_lens,
    load_dictionary,
    save_dictionary,
    save_sae_lens,
    saving,
)
from interpwidgets.dictionaries.sites import site_of_hook, site_of_module
from tests.unit.test_dictionaries import ALL, kinds

N, D = 12, 5
RNG = np.random.default_rng(7)


def draw(*shape):
    return torch.from_numpy(RNG.normal(size=shape)).float()


ENC, DEC, B_ENC, B_DEC, SKIP, THETA = draw(D, N), draw(N, D), draw(N), draw(D), draw(D, D), draw(N).abs()
X = draw(9, D) * 2
STANDARD = {"W_enc": ENC, "W_dec": DEC, "b_enc": B_ENC, "b_dec": B_DEC}


def relu(x):
    return np.maximum(x, 0)


def jump(pre, level):
    return np.where(pre > level, pre, 0)


def top(pre, k):
    out = np.zeros_like(pre)
    for row in range(len(pre)):
        best = np.argsort(-pre[row])[:k]
        out[row, best] = pre[row, best]
    return out


def write(folder, files):
    """A folder out of {name: tensors or JSON}."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".safetensors"):
            save_file({k: v.contiguous().clone() for k, v in content.items()}, path)
        elif name.endswith(".npz"):
            np.savez(path, **{k: v.numpy() for k, v in content.items()})
        elif name.endswith(".pt"):
            torch.save(content, path)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), "utf8")
    return folder


def same(made, codes, x_hat):
    np.testing.assert_allclose(made.encode(X), codes, atol=1e-5)
    np.testing.assert_allclose(made.reconstruct(X), x_hat, atol=1e-4)
    assert np.count_nonzero(codes)


XN, EN, DN, BE, BD, SK, TH = (t.double().numpy() for t in (X, ENC, DEC, B_ENC, B_DEC, SKIP, THETA))
PRE = XN @ EN + BE
CENTRED = (XN - BD) @ EN + BE


@pytest.mark.parametrize("name", ALL)
def test_our_own_layout_keeps_everything(name, tmp_path):
    made = kinds()[name]
    made.site_in, made.source, made.name = "resid_post.2", {"tokens": 5}, "mine"
    made.labels = ["ü <i>" if i == 1 else "" for i in range(made.n_features)] if made.n_features > 1 else None
    save_dictionary(made, tmp_path / "d")
    back = iw.load_dictionary(tmp_path / "d")
    assert type(back) is type(made)
    assert (back.labels, back.site_in, back.site_out, back.source, back.name, back.dtype) == (
        made.labels, "resid_post.2", made.site_out, {"tokens": 5}, "mine", torch.float64,
    )  # fmt: skip
    x = torch.randn(6, made.d_in, dtype=torch.float64)
    # The arrays to the bit; what is computed from them to rounding, as sums depend on where memory begins.
    assert {k: v.tolist() for k, v in back.state_dict().items()} == {
        k: v.tolist() for k, v in made.state_dict().items()
    }
    torch.testing.assert_close(back.encode(x), made.encode(x), rtol=0, atol=1e-12)
    torch.testing.assert_close(back.reconstruct(x), made.reconstruct(x), rtol=0, atol=1e-12)
    assert back.config() == made.config()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_dtypes_survive_and_can_be_asked_for(dtype, tmp_path):
    save_dictionary(SparseAutoencoder(ENC.T, DEC).to(getattr(torch, dtype)), tmp_path)
    assert load_dictionary(tmp_path).dtype is getattr(torch, dtype)
    assert load_dictionary(tmp_path, dtype="float64").dtype is torch.float64
    with pytest.raises(InputError, match="a dtype out of"):
        load_dictionary(tmp_path, dtype="int8")


LENS = {
    "standard": ({}, STANDARD, relu(CENTRED), None),
    "jumprelu": ({"apply_b_dec_to_input": False}, {**STANDARD, "threshold": THETA}, jump(PRE, TH), None),
    "topk": ({"k": 3}, STANDARD, relu(top(CENTRED, 3)), None),
    "gated": (
        {},
        {"W_enc": ENC, "W_dec": DEC, "b_dec": B_DEC, "b_gate": B_ENC, "b_mag": THETA, "r_mag": B_ENC / 2},
        (CENTRED > 0) * relu((CENTRED - BE) * np.exp(BE / 2) + TH),
        None,
    ),
    "skip_transcoder": ({"d_out": D}, {**STANDARD, "W_skip": SKIP}, relu(PRE), XN @ SK.T),
    "jumprelu_transcoder": ({"d_out": D}, {**STANDARD, "threshold": THETA}, jump(PRE, TH), None),
}


@pytest.mark.parametrize("architecture", LENS)
def test_sae_lens(architecture, tmp_path):
    more, tensors, codes, skip = LENS[architecture]
    meta = {"hook_name": "blocks.4.ln2.hook_normalized", "hook_name_out": "blocks.4.hook_mlp_out", "model_name": "toy"}
    config = {"architecture": architecture, "d_in": D, "d_sae": N, "dtype": "float32", "metadata": meta, **more}
    made = load_dictionary(write(tmp_path, {"cfg.json": config, "sae_weights.safetensors": tensors}))
    same(made, codes, codes @ DN + BD + (0 if skip is None else skip))
    assert (made.site_in, made.site_out, made.source["model_name"]) == ("mlp_in.4", "mlp_out.4", "toy")
    again = load_dictionary(save_sae_lens(made, tmp_path / "again"))
    same(again, codes, codes @ DN + BD + (0 if skip is None else skip))
    assert (again.site_in, again.site_out) == ("mlp_in.4", "mlp_out.4")


def test_sae_lens_before_version_6(tmp_path):
    config = {
        "d_in": D, "d_sae": N, "hook_point": "blocks.2.hook_resid_pre", "activation_fn_str": "topk",
        "activation_fn_kwargs": {"k": 3}, "normalize_activations": False,
    }  # fmt: skip
    made = load_dictionary(write(tmp_path, {"cfg.json": config, "sae_weights.safetensors": STANDARD}))
    same(made, relu(top(CENTRED, 3)), relu(top(CENTRED, 3)) @ DN + BD)
    assert made.site_in == "resid_pre.2"


def test_a_factor_that_the_file_does_not_hold_is_asked_for(tmp_path):
    config = {"architecture": "standard", "d_in": D, "d_sae": N, "normalize_activations": "expected_average_only_in"}
    folder = write(tmp_path, {"cfg.json": config, "sae_weights.safetensors": STANDARD})
    with pytest.warns(UserWarning, match="does not hold the factor"):
        load_dictionary(folder)
    codes = relu((XN * 2.5 - BD) @ EN + BE)
    same(load_dictionary(folder, input_scale=2.5), codes, (codes @ DN + BD) / 2.5)


def test_what_sae_lens_has_no_name_for_is_not_written(tmp_path):
    for made in (
        ALL["snmf"],
        ALL["group_max"],
        SparseAutoencoder(ENC.T, DEC, normalisation=Normalisation("expected_average_only_in", 2.0)),
    ):
        with pytest.raises(InputError, match="save_dictionary"):
            save_sae_lens(made, tmp_path / "x")
    assert not (tmp_path / "x").exists()
    with pytest.raises(InputError, match="an SAE of sae-lens"):
        from_sae_lens("gpt2")


@pytest.mark.parametrize(
    ("release", "sites"),
    [
        ("gemma-scope-2b-pt-res", ("resid_post.20", "resid_post.20")),
        ("gemma-scope-2b-pt-mlp", ("mlp_out.20", "mlp_out.20")),
        ("gemma-scope-2b-pt-transcoders", ("mlp_in.20", "mlp_out.20")),
        ("elsewhere", (None, None)),
    ],
)
def test_gemma_scope(release, sites, tmp_path):
    folder = tmp_path / release / "layer_20" / "width_16k" / "average_l0_71"
    write(folder, {"params.npz": {**STANDARD, "threshold": THETA}})
    for path in (folder, folder / "params.npz"):
        made = load_dictionary(path)
        same(made, jump(PRE, TH), jump(PRE, TH) @ DN + BD)
        assert (made.site_in, made.site_out) == sites
    given = load_dictionary(folder, site_in="mlp_in.3", site_out="mlp_out.3")
    assert (given.site_in, given.site_out, given.kind) == ("mlp_in.3", "mlp_out.3", "transcoder")


def test_gemma_scope_second_release(tmp_path):
    tensors = {"w_enc": ENC, "w_dec": DEC, "b_enc": B_ENC, "b_dec": B_DEC, "threshold": THETA}
    plain = write(tmp_path / "plain", {"params.safetensors": tensors, "config.json": {}})
    skipping = {**tensors, "affine_skip_connection": SKIP.T}
    folder = write(tmp_path / "skipping", {"params.safetensors": skipping, "config.json": {}})
    for path, kind, skip in ((plain, "autoencoder", 0), (folder, "transcoder", XN @ SK.T)):
        made = load_dictionary(path)
        same(made, jump(PRE, TH), jump(PRE, TH) @ DN + BD + skip)
        # The arrays say nothing of where they were trained, nor does this path.
        assert (made.kind, made.site_in, made.site_out) == (kind, None, None)
        assert made.source == {"format": "gemma_scope"}


NORM = np.linalg.norm(DN, axis=1)
LINEAR = {"encoder.weight": ENC.T, "encoder.bias": B_ENC, "decoder.weight": DEC.T}
LEARNING = {
    "AutoEncoder": ({**LINEAR, "bias": B_DEC}, relu(CENTRED) * NORM),
    "AutoEncoderNew": ({**LINEAR, "decoder.bias": B_DEC}, relu(PRE)),
    "AutoEncoderTopK": ({**LINEAR, "b_dec": B_DEC, "k": torch.tensor(3)}, top(relu(CENTRED), 3)),
    "BatchTopKSAE": (
        {**LINEAR, "b_dec": B_DEC, "k": torch.tensor(3), "threshold": torch.tensor(0.5)},
        jump(CENTRED, 0.5),
    ),
    "MatryoshkaBatchTopKSAE": (
        {**STANDARD, "k": torch.tensor(3), "threshold": torch.tensor(0.5), "group_sizes": torch.tensor([2, 3, 7])},
        jump(CENTRED, 0.5),
    ),
    "GatedAutoEncoder": (
        {
            "encoder.weight": ENC.T, "decoder.weight": DEC.T, "decoder_bias": B_DEC,
            "r_mag": B_ENC / 2, "gate_bias": B_ENC, "mag_bias": THETA,
        },
        (CENTRED > 0) * relu((CENTRED - BE) * np.exp(BE / 2) + TH),
    ),
    "JumpReluAutoEncoder": ({**STANDARD, "threshold": THETA}, jump(PRE, TH)),
}  # fmt: skip


@pytest.mark.parametrize("name", LEARNING)
def test_dictionary_learning(name, tmp_path):
    tensors, codes = LEARNING[name]
    trainer = {"dict_class": name, "k": 3, "layer": 8, "lm_name": "toy", "submodule_name": "resid_post_layer_8"}
    made = load_dictionary(write(tmp_path, {"ae.pt": tensors, "config.json": {"trainer": trainer}}))
    scale = NORM if name == "AutoEncoder" else 1
    same(made, codes, (codes / scale) @ DN + BD)
    assert made.site_in == "resid_post.8"
    if name.startswith("Matryoshka"):
        assert isinstance(made, Matryoshka)
        assert made.levels == [2, 5, 12]


def test_a_batch_topk_that_never_learnt_its_threshold_is_refused(tmp_path):
    tensors = {**LEARNING["BatchTopKSAE"][0], "threshold": torch.tensor(-1.0)}
    trainer = {"trainer": {"dict_class": "BatchTopKSAE"}}
    with pytest.raises(InputError, match="depend on the batch"):
        load_dictionary(write(tmp_path, {"ae.pt": tensors, "config.json": trainer}))


@pytest.mark.parametrize("transcode", [False, True])
@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("activation", ["topk", "groupmax"])
def test_sparsify(transcode, skip, activation, tmp_path):
    pre = relu(PRE if transcode else CENTRED)
    if activation == "topk":
        codes = top(pre, 3)
    else:
        groups = pre.reshape(len(pre), 3, -1)
        codes = (groups * (groups == groups.max(-1, keepdims=True))).reshape(pre.shape)
    config = {"d_in": D, "k": 3, "transcode": transcode, "skip_connection": skip, "activation": activation}
    tensors = {"encoder.weight": ENC.T, "encoder.bias": B_ENC, "W_dec": DEC, "b_dec": B_DEC}
    tensors |= {"W_skip": SKIP} if skip else {}
    made = load_dictionary(write(tmp_path / "layers.3.mlp", {"cfg.json": config, "sae.safetensors": tensors}))
    same(made, codes, codes @ DN + BD + (XN @ SK.T if skip else 0))
    assert (made.site_in, made.site_out) == ("mlp_in.3" if transcode else "mlp_out.3", "mlp_out.3")


YAML = "model_name: toy\nmodel_kind: transcoder_set\nfeature_input_hook: ln2.hook_normalized\n"
YAML += "feature_output_hook: hook_mlp_out\n"


def test_circuit_tracer(tmp_path):
    base = {**STANDARD, "W_enc": ENC.T}
    files = {
        "layer_0.safetensors": base,
        "layer_1.safetensors": {**base, "W_skip": SKIP, "activation_function.threshold": THETA},
        "layer_10.safetensors": {**base, "k": torch.tensor(3)},
        "config.yaml": YAML,
    }
    folder = write(tmp_path, files)
    same(load_dictionary(folder, layer=0), relu(PRE), relu(PRE) @ DN + BD)
    one = load_dictionary(folder / "layer_1.safetensors")
    same(one, jump(PRE, TH), jump(PRE, TH) @ DN + BD + XN @ SK.T)
    assert (one.site_in, one.site_out) == ("mlp_in.1", "mlp_out.1")
    same(load_dictionary(folder, layer=10), top(PRE, 3), top(PRE, 3) @ DN + BD)
    with pytest.raises(InputError, match="a layer out of 0, 1, 10, got None"):
        load_dictionary(folder)


def test_site_names_of_others():
    assert site_of_hook("blocks.11.hook_resid_post") == "resid_post.11"
    assert site_of_hook("hook_mlp_out", 3) == "mlp_out.3"
    assert site_of_hook("blocks.0.attn.hook_z") == "blocks.0.attn.hook_z"
    assert site_of_hook("hook_embed") == "embed"
    assert site_of_module("model.layers.7") == "resid_post.7"
    assert site_of_module("h.2.attn") == "attn_out.2"
    for name in ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"):
        assert str(iw.Site.parse(f"blocks.5.hook_{name}")) == site_of_hook(f"blocks.5.hook_{name}")


class Trap:
    """Unpickled, it would make a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (os.mkdir, (self.path,))


def test_nothing_is_ever_unpickled(tmp_path):
    sprung = tmp_path / "sprung"
    trainer = {"trainer": {"dict_class": "AutoEncoder"}}
    folder = write(tmp_path / "a", {"ae.pt": {"bias": Trap(sprung)}, "config.json": trainer})
    with pytest.raises(InputError, match="can run code"):
        load_dictionary(folder)
    (folder / "ae.pt").write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(InputError, match="can run code"):
        load_dictionary(folder)
    objects = np.array([Trap(sprung)], dtype=object)
    (tmp_path / "b").mkdir()
    np.savez(tmp_path / "b" / "params.npz", W_enc=objects)
    with pytest.raises(InputError, match="never pickled"):
        load_dictionary(tmp_path / "b")
    (tmp_path / "b" / "params.npz").write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(InputError, match="never pickled"):
        load_dictionary(tmp_path / "b")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "config.yaml").write_text(f"model_kind: !!python/object/apply:os.mkdir ['{sprung}']\n")
    with pytest.raises(InputError, match="a YAML mapping"):
        load_dictionary(tmp_path / "c")
    assert not sprung.exists()


def lens(config=None, tensors=None):
    base = {"architecture": "standard", "d_in": D, "d_sae": N}
    return {"cfg.json": {**base, **(config or {})}, "sae_weights.safetensors": tensors or STANDARD}


HOSTILE = {
    "missing array": (lens(tensors={"W_enc": ENC, "W_dec": DEC, "b_enc": B_ENC}), "no b_dec among"),
    "wrong shape": (lens(tensors={**STANDARD, "b_enc": B_DEC}), r"encoder_bias of shape \[12\]"),
    "one axis": (lens(tensors={**STANDARD, "W_enc": B_ENC}), r"W_enc \[d_in, feature\]"),
    "transposed": (lens(tensors={**STANDARD, "W_enc": ENC.T}), "not transposed"),
    "NaN": (lens(tensors={**STANDARD, "W_dec": DEC * torch.nan}), "NaN or infinite"),
    "another size": (lens({"d_sae": 99}), "99 features"),
    "architecture": (lens({"architecture": "quantum"}), "an architecture out of"),
    "normalisation": (lens({"normalize_activations": "covariance_whitening"}), "a normalisation out of"),
    "k": (lens({"architecture": "topk", "k": "many"}), "k as int"),
    "k too large": (lens({"architecture": "topk", "k": 13}), "from 1 to 12"),
    "not JSON": ({**lens(), "cfg.json": "{"}, "a JSON object in cfg.json"),
    "a list": ({**lens(), "cfg.json": "[1]"}, "got list"),
    "no layout": ({"weights.bin": "x"}, "one of the layouts"),
    "escape": (
        {"config.yaml": "model_kind: transcoder_set\ntranscoders: ['../../secret.safetensors']\n"},
        "leads out of it",
    ),
    "cross-layer": ({"config.yaml": "model_kind: cross_layer_transcoder\n"}, "each for one layer"),
    "a class": ({"ae.pt": {}, "config.json": {"trainer": {"dict_class": "CrossCoder"}}}, "a dict_class out of"),
    "sparsify": ({"cfg.json": {"embed_skip": True}, "sae.safetensors": STANDARD}, "reads more"),
    "card": ({"dictionary.json": {"kind": "magic"}, "dictionary.safetensors": STANDARD}, "a card of version 1"),
    "card without arrays": (
        {
            "dictionary.json": {"kind": "transcoder", "version": 1, "config": {}},
            "dictionary.safetensors": {"x": DEC},
        },
        "that belong together",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_files_that_do_not_fit_get_one_clear_sentence(name, tmp_path):
    files, message = HOSTILE[name]
    with pytest.raises(InputError, match=message) as caught:
        load_dictionary(write(tmp_path / "d", files))
    assert "\n" not in str(caught.value)


def test_a_truncated_file(tmp_path):
    folder = write(tmp_path, lens())
    whole = (folder / "sae_weights.safetensors").read_bytes()
    (folder / "sae_weights.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="safetensors arrays"):
        load_dictionary(folder)


@pytest.mark.parametrize(
    "path", ["", "nowhere", "./nowhere", "/no/such", "a/../b", "owner//name", "storyworld/../../x"]
)
def test_a_path_that_is_none(path):
    with pytest.raises(InputError):
        load_dictionary(path)


def test_wrong_arguments(tmp_path):
    folder = write(tmp_path, lens())
    with pytest.raises(InputError, match="a format out of"):
        load_dictionary(folder, format="pickle")
    with pytest.raises(InputError, match=r"no sae.safetensors"):
        load_dictionary(folder, format="sparsify")
    with pytest.raises(TypeError, match="naem"):
        load_dictionary(folder, naem="x")
    with pytest.raises(InputError, match="SAELens' layout only"):
        load_dictionary(write(tmp_path / "g", {"params.npz": {**STANDARD, "threshold": THETA}}), input_scale=2.0)


def test_only_our_own_kinds_are_saved(tmp_path):
    class Mine(SparseAutoencoder):
        kind = "mine"

    with pytest.raises(InputError, match="a kind out of"):
        save_dictionary(Mine(ENC.T, DEC), tmp_path / "x")
    assert {kind.kind for kind in saving.KINDS.values()} == set(saving.KINDS)


def test_a_batch_topk_with_folded_norms_has_a_threshold_per_feature():
    made = SparseAutoencoder(ENC.T, DEC, activation=BatchTopK(THETA, k=3))
    np.testing.assert_allclose(made.encode(X), jump(XN @ EN, TH), atol=1e-5)


def test_the_hub_is_asked_for_harmless_files_only(tmp_path, monkeypatch):
    import huggingface_hub

    asked = {}
    write(tmp_path / "layer_3", lens())

    def fetch(repository, **rest):
        asked.update(rest, repository=repository)
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    made = load_dictionary("someone/saes/layer_3", revision="main")
    assert made.n_features == N
    assert asked["repository"] == "someone/saes"
    assert not any("pkl" in p or p.endswith(("*", ".bin")) for p in asked["allow_patterns"])
    with pytest.raises(InputError, match="nothing there"):
        load_dictionary("someone/saes/layer_4")

    def refuse(*_, **__):
        raise OSError("offline")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(iw.ModelError, match="Check the name and the network"):
        load_dictionary("someone/saes/layer_3")


def test_a_transcoder_is_told_by_its_sites(tmp_path):
    made = Transcoder(ENC.T, DEC, site_in="mlp_in.0", site_out="mlp_out.0")
    assert "mlp_in.0 -> mlp_out.0" in repr(made)
    assert load_dictionary(save_dictionary(made, tmp_path)).site_out == "mlp_out.0"


VALUES = [None, -1, 0, 2.5, "x", [], {}, [[1]], True, 10**30]


@pytest.mark.parametrize("layout", ["lens", "learning", "sparsify", "card"])
def test_any_damage_to_a_configuration_is_one_clear_sentence_or_harmless(layout, tmp_path):
    save_dictionary(ALL["matryoshka"], tmp_path / "own")
    card = json.loads((tmp_path / "own" / "dictionary.json").read_text())
    learning = {"dict_class": "MatryoshkaBatchTopKSAE", "k": 3, "layer": 1, "submodule_name": "resid_post_layer_8"}
    coder = {"encoder.weight": ENC.T, "encoder.bias": B_ENC, "W_dec": DEC, "b_dec": B_DEC}
    base, name, rest = {
        "lens": (
            {
                **lens()["cfg.json"], "architecture": "topk", "k": 3, "normalize_activations": "none",
                "metadata": {"hook_name": "blocks.1.hook_resid_pre"}, "hook_name": "x", "activation_fn_kwargs": {},
                "apply_b_dec_to_input": True, "reshape_activations": "none", "hook_layer": 1,
            },
            "cfg.json",
            {"sae_weights.safetensors": STANDARD},
        ),
        "learning": (
            {"trainer": learning, **learning},
            "config.json",
            {"ae.pt": LEARNING["MatryoshkaBatchTopKSAE"][0]},
        ),
        "sparsify": (
            {"d_in": D, "k": 3, "transcode": False, "skip_connection": False, "activation": "topk"},
            "cfg.json",
            {"sae.safetensors": coder},
        ),
        "card": (card, "dictionary.json", {}),
    }[layout]  # fmt: skip
    folder = tmp_path / "own" if layout == "card" else write(tmp_path / "d", rest)
    write(folder, {name: base})
    load_dictionary(folder)
    spots = [(base, key) for key in base]
    spots += [(inner, key) for inner in base.values() if isinstance(inner, dict) for key in inner]
    refused, warned = [], []
    for where, key in spots:
        kept = where[key]
        for value in VALUES:
            where[key] = value
            try:
                repr(load_dictionary(write(folder, {name: base})))
            except InputError as error:
                refused.append(str(error))
            except UserWarning as warning:  # a scale that the file does not hold
                warned.append(str(warning))
        where[key] = kept
    assert len(refused) > 5
    assert not any("\n" in message for message in refused)
    assert all("the factor" in message for message in warned)


@pytest.mark.parametrize("site", ["resid_pre.1", "mlp_out.2", "resid_post.3"])
def test_spliced_into_a_model_with_its_error_a_dictionary_changes_nothing(site):
    lm, text = iw.load("storyworld"), "Mary and Tom went to the park. Tom gave the ball to"
    trace = lm.trace(text)
    x = trace[site]
    weights = torch.randn(2, 32, x.shape[-1], generator=torch.Generator().manual_seed(0)) * 0.2
    made = SparseAutoencoder(*weights, site_in=site)
    check_fits(made, lm.width(site), site)
    rough = made.reconstruct(x)
    with lm.edit(iw.Edit(site, set=rough + made.error(x))):
        spliced = lm.trace(text)["logits"]
    with lm.edit(iw.Edit(site, set=rough)):
        changed = lm.trace(text)["logits"]
    torch.testing.assert_close(spliced, trace["logits"], atol=1e-3, rtol=1e-4)
    assert not torch.allclose(changed, trace["logits"], atol=0.1)
