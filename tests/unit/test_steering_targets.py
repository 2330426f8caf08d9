"""Making targets, their ranges, the record, and its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import interpwidgets as iw
from interpwidgets.analyses.steering.reach import rounded
from interpwidgets.analyses.steering.targets import targets
from interpwidgets.dictionaries import SparseAutoencoder
from interpwidgets.errors import InputError
from interpwidgets.models import load
from interpwidgets.records.steering import SteeredTokens, Steering, SteeringCurve, SteeringTarget
from tests.unit import families as F

VECTOR = torch.linspace(-1.0, 1.0, 32)


def sae(name: str = "planted", site: str | None = "resid_post.1", width: int = 32) -> SparseAutoencoder:
    draw = torch.Generator().manual_seed(3)
    read, write = torch.randn(20, width, generator=draw), torch.randn(20, width, generator=draw)
    return SparseAutoencoder(read, write, site_in=site, name=name, labels={4: "the fourth"})


@pytest.fixture(scope="module")
def lm() -> Any:
    return load(F.build("gpt2"))


def test_difference_of_means_against_numpy(lm: Any) -> None:
    positive, negative = [F.example("gpt2", n) for n in (5, 9, 7)], [F.example("gpt2", n) for n in (6, 4)]
    for at in ("mean", "last"):
        target = targets.difference(lm, "resid_post.1", positive, negative, at=at)
        means = []
        for group in (positive, negative):
            rows = [lm.trace(ids)["resid_post.1"].double().numpy() for ids in group]
            means.append(np.mean([row.mean(0) if at == "mean" else row[-1] for row in rows], axis=0))
        assert target.write is not None
        np.testing.assert_allclose(target.write, means[0] - means[1], atol=1e-5)
        assert (target.kind, target.mode, target.neutral) == ("difference", "add", 0.0)
    carried = Steering((targets.difference(lm, "resid_post.1", positive[:1], negative[:1], at="last"),), (1.0,))
    with lm.edit(carried):
        moved = lm.trace(negative[0], sites=["resid_post.1"])["resid_post.1"][-1]
    torch.testing.assert_close(moved, lm.trace(positive[0])["resid_post.1"][-1], atol=1e-4, rtol=1e-4)


def test_directions_have_length_one_and_features_their_own(lm: Any) -> None:
    dictionary = sae()
    feature, direction = targets.feature(dictionary, 4, lm=lm), targets.direction(dictionary, 4, lm=lm)
    np.testing.assert_allclose(feature.write, dictionary.W_dec[4].numpy())
    assert direction.write is not None
    np.testing.assert_allclose(np.linalg.norm(direction.write), 1.0, rtol=1e-6)
    assert feature.label == "the fourth"
    assert (feature.name, direction.name) == ("planted/4", "planted/4 direction")
    assert direction.modes == ("add",)


def test_the_range_of_a_vector_is_the_length_of_the_stream(lm: Any) -> None:
    """At the end of the range what is added is as long as what is there, up to rounding to 1, 2, 5, 10, ..."""
    target = targets.vector("resid_post.1", VECTOR, lm=lm)
    stream = float(lm.trace(F.example("gpt2", 40))["resid_post.1"].norm(dim=-1).median())
    assert 0.5 <= target.high * float(VECTOR.norm()) / stream <= 4
    assert target.low == -target.high


@given(st.floats(1e-6, 1e6))
def test_rounding_up(value: float) -> None:
    found = rounded(value)
    assert value * (1 - 1e-6) <= found <= 2.5 * value * (1 + 1e-6)
    assert f"{found:e}"[0] in "125"


def test_modes_have_their_neutral_strength_range_and_unit(lm: Any) -> None:
    feature = targets.feature(sae(), 4, lm=lm)
    found = {mode: feature.with_mode(mode) for mode in feature.modes}
    assert {mode: t.neutral for mode, t in found.items()} == {"add": 0.0, "clamp": None, "scale": 1.0, "ablate": 0.0}
    assert (found["ablate"].low, found["ablate"].high) == (0.0, 1.0)
    assert found["clamp"].low == 0.0
    assert found["add"].low == -found["add"].high == -found["clamp"].high
    assert [t.unit for t in found.values()] == [
        *["units of its activation"] * 2,
        "factor",
        "share taken away",
    ]
    for target in (*found.values(), targets.neuron(lm, 0, 1), targets.head(lm, 0, 1), targets.layers(lm, 0, 1)):
        assert target.low < target.high
        assert not target.moves(target.neutral)
        assert not target.moves(None)
        assert target.moves(0.123)


def test_the_control_has_equal_norms_and_is_its_own(lm: Any) -> None:
    two = targets.vector(["resid_post.0", "resid_post.1"], torch.stack([VECTOR, 3 * VECTOR]), lm=lm)
    for target in (targets.feature(sae(), 4, "clamp", lm), two):
        control, again, other = (targets.random(target, seed=s) for s in (1, 1, 2))
        assert control.write is not None
        assert target.write is not None
        np.testing.assert_allclose(
            np.linalg.norm(control.write, axis=-1), np.linalg.norm(target.write, axis=-1), rtol=1e-5
        )
        np.testing.assert_array_equal(control.write, again.write)
        assert not np.allclose(control.write, other.write)
        assert (control.mode, control.sites, control.low) == (target.mode, target.sites, target.low)
        assert control.name != target.name
    with pytest.raises(InputError, match="that writes a vector"):
        targets.random(targets.head(lm, 0, 0))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("4", "planted/4"),
        ("planted/7", "planted/7"),
        (" planted / 7 ", "planted/7"),
        ("resid_post.1/0", "planted/0"),
        ("head 2.1", "head 2.1"),
        ("Head 2/3", "head 2.3"),
        ("neuron 1.17", "neuron 1.17"),
        ("layers 1-2", "layers 1 to 2"),
        ("layers 0 to 2", "layers 0 to 2"),
        ("layer 1", "layer 1"),
    ],
)
def test_what_one_types(lm: Any, text: str, name: str) -> None:
    assert targets.parse(lm, text, [sae()]).name == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("20", "a feature from 0 to 19"),
        ("other/3", "a feature of one of the dictionaries: planted"),
        ("head 3.0", "a layer from 0 to 2"),
        ("head 0.4", "a head from 0 to 3"),
        ("neuron 0.128", "a neuron from 0 to 127"),
        ("layers 2-1", "a range of layers"),
        ("layers 1-9", "a layer from 0 to 2"),
        ("happiness", "a target such as"),
        ("", "a target such as"),
        ("<b>4</b>", "a target such as"),
    ],
)
def test_what_one_types_wrongly(lm: Any, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        targets.parse(lm, text, [sae()])


def test_a_number_needs_one_dictionary(lm: Any) -> None:
    with pytest.raises(InputError, match="no dictionary is here"):
        targets.parse(lm, "3")
    with pytest.raises(InputError, match="a number without a dictionary"):
        targets.parse(lm, "3", [sae("one"), sae("two", "resid_post.0")])
    assert targets.parse(lm, "two/3", [sae("one"), sae("two", "resid_post.0")]).sites == ("resid_post.0",)


def test_any_mix_becomes_targets(lm: Any) -> None:
    dictionary, ids = sae(), F.example("gpt2", 9)
    mix = [targets.head(lm, 0, 0), dictionary, "neuron 1.2", "planted/11", ("resid_post.0", VECTOR)]
    found = targets.of(lm, mix, prompt=ids)
    codes = dictionary.encode(lm.trace(ids)["resid_post.1"][-1])
    best = [f"planted/{j}" for j in codes.argsort(descending=True)[:3].tolist()]
    assert [t.name for t in found] == ["head 0.0", *best, "neuron 1.2", "planted/11", "vector at resid_post.0"]
    assert [t.name for t in targets.of(lm, ("resid_post.0", VECTOR))] == ["vector at resid_post.0"]
    assert [t.name for t in targets.of(lm, targets.head(lm, 0, 0))] == ["head 0.0"]
    with pytest.raises(InputError, match="a prompt, at whose end"):
        targets.of(lm, dictionary)
    with pytest.raises(InputError, match="targets, dictionaries"):
        targets.of(lm, [3.5])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda lm: targets.feature(sae(), 20), "a feature from 0 to 19 of planted, got 20"),
        (lambda lm: targets.feature(sae(), -1), "a feature from 0 to 19"),
        (lambda lm: targets.feature(sae(), 1.0), "a feature as a whole number"),
        (lambda lm: targets.feature(sae(), 1, "push"), "a mode of planted/1 out of add, clamp, scale, ablate"),
        (lambda lm: targets.feature(sae(site=None), 1), "says where it reads"),
        (lambda lm: targets.feature(sae(width=16), 1, lm=lm), "a vector of 32 numbers"),
        (lambda lm: targets.feature(sae(site="resid_post.7"), 1, lm=lm), "a layer from 0 to 2"),
        (lambda lm: targets.feature("planted", 1), "a dictionary, got str"),
        (lambda lm: targets.direction(sae(), 20), "a feature from 0 to 19"),
        (lambda lm: targets.head(lm, 0, 1, "clamp"), "a mode of head 0.1 out of scale, ablate"),
        (lambda lm: targets.layers(lm, 2, 0), "a range of layers"),
        (lambda lm: targets.vector("resid_post.0", torch.zeros(32)), "not all zeros"),
        (lambda lm: targets.vector("resid_post.0", torch.full((32,), torch.nan)), "32 of 32 that are NaN"),
        (lambda lm: targets.vector("resid_post.0", "no"), "an array of numbers"),
        (lambda lm: targets.vector(["resid_post.0", "resid_post.1"], torch.ones(3, 32)), "for each of the 2 sites"),
        (lambda lm: targets.difference(lm, "resid_post.1", [], [[5]]), "at least one positive prompt, got none"),
        (lambda lm: targets.difference(lm, "resid_post.1", [[5]], []), "at least one negative prompt, got none"),
        (lambda lm: targets.difference(lm, "resid_post.1", "good", [[5]]), "positive prompt, got one text"),
        (lambda lm: targets.difference(lm, "resid_post.1", [[5]], [[5]]), "different means"),
        (lambda lm: targets.difference(lm, "resid_post.1", [[5]], [[]]), "at least one token"),
        (lambda lm: targets.difference(lm, "resid_post.1", [[5]], [[6]], at="first"), 'at as "mean" or "last"'),
    ],
)
def test_targets_that_cannot_be(lm: Any, make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make(lm)


def test_records_that_make_no_sense(lm: Any) -> None:
    head = targets.head(lm, 0, 0)
    for arguments, message in (
        (((head,), (1.0, 2.0)), "1 strengths, one for each target"),
        (((head,), (float("nan"),)), "a finite number as the strength of head 0.0"),
        (((head,), (float("inf"),)), "a finite number"),
        (((head,), ("much",)), "a finite number"),
        (((head,), (True,)), "a finite number"),
        (((head,), ((1.0, float("nan")),)), "a finite number"),
        (((head, head), (1.0, 2.0)), "targets with different names, got head 0.0 twice"),
        (((head,), (1.0,), "everywhere"), "positions out of"),
        (((head,), (1.0,), -1), "positions out of"),
        (((head,), (1.0,), 1.5), "positions out of"),
        (((head,), (1.0,), "generated"), "prompt_tokens together with"),
        (((head, targets.head(lm, 0, 1)), ((1.0, 2.0), (1.0,))), "as many rows for every target"),
    ):
        with pytest.raises(InputError, match=message):
            Steering(*arguments)


def test_saved_and_loaded(lm: Any, tmp_path: Path) -> None:
    dictionary = sae()
    made = [
        targets.feature(dictionary, 4, "clamp", lm),
        targets.vector(["resid_post.0", "resid_post.1"], torch.stack([VECTOR, -VECTOR]), name='"<b>two</b>"', lm=lm),
        targets.head(lm, 2, 1),
        targets.neuron(lm, 1, 3, "ablate"),
    ]
    record = Steering(tuple(made), (1.5, (0.1, None), None, 0.25), "generated", 7)
    path = record.save(tmp_path / "happy.safetensors")
    again = Steering.load(path, dictionaries=[dictionary])
    assert (again.strengths, again.positions, again.prompt_tokens) == (record.strengths, "generated", 7)
    for before, after in zip(record.targets, again.targets, strict=True):
        for name in SteeringTarget.__dataclass_fields__:
            one, other = getattr(before, name), getattr(after, name)
            assert np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other, name
    # What was loaded does what was saved, to the bit.
    plain = Steering((made[0], made[2]), (1.5, 0.5))
    loaded = Steering.load(plain.save(tmp_path / "plain.safetensors"), dictionaries={"planted": dictionary})
    with lm.edit(plain):
        wanted = lm.trace(F.example("gpt2")).logits
    with lm.edit(loaded):
        assert torch.equal(lm.trace(F.example("gpt2")).logits, wanted)


def test_files_that_are_not_ours(lm: Any, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    with pytest.raises(InputError, match="an existing file"):
        Steering.load(tmp_path / "nothing.safetensors")
    (tmp_path / "text").write_text("no safetensors")
    save_file({"x": np.zeros(3, np.float32)}, str(tmp_path / "other"))
    save_file({}, str(tmp_path / "half"), {"steering": json.dumps({"format": "interpwidgets steering", "version": 1})})
    save_file({}, str(tmp_path / "json"), {"steering": "{"})
    for name in ("text", "other", "half", "json"):
        with pytest.raises(InputError, match=r"a file that Steering\.save wrote"):
            Steering.load(tmp_path / name)


def test_a_dictionary_is_asked_for_only_where_it_is_needed(lm: Any, tmp_path: Path) -> None:
    adding = Steering((targets.feature(sae(), 4, lm=lm),), (1.0,)).save(tmp_path / "adding")
    clamping = Steering((targets.feature(sae(), 4, "clamp", lm),), (1.0,)).save(tmp_path / "clamping")
    loaded = Steering.load(adding)
    with lm.edit(loaded):
        lm.trace([5, 6])
    with pytest.raises(InputError, match="the dictionary of planted/4"):
        loaded.targets[0].with_mode("clamp")
    with pytest.raises(InputError, match=r"the dictionary planted, .* got no dictionaries"):
        Steering.load(clamping)
    with pytest.raises(InputError, match=r"the dictionary planted, .* got wrong"):
        Steering.load(clamping, dictionaries=[sae("wrong")])


def test_result_records_check_their_shapes() -> None:
    found = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]], np.float32))
    tokens = SteeredTokens(found, np.zeros(2), ((1.0,), (None,)), found[0], ("a", "<b>", "c"))
    assert [(i, text) for i, text, _ in tokens.top(2, row=1)] == [(2, "c"), (0, "a")]
    np.testing.assert_allclose(tokens.probability_of([1, 2]), [[0.2, 0.1], [0.1, 0.8]], rtol=1e-6)
    with pytest.raises(InputError, match="token ids from 0 to 2"):
        tokens.probability_of([3])
    with pytest.raises(InputError, match="2 divergences"):
        SteeredTokens(found, np.zeros(3), ((1.0,), (None,)), found[0])
    target = targets.vector("resid_post.0", VECTOR, name="<script>")
    half = np.log(np.full((3, 2), 0.5))
    curve = SteeringCurve(target, np.arange(3.0), np.arange(2), ("a", "<b>"), half, np.zeros(3), half[0])
    figure = curve.figure()
    assert [trace.name for trace in figure.data] == ["'a'", "'&lt;b&gt;'", "KL from unsteered"]
    assert "<script>" not in str(figure.layout.title.text)
    np.testing.assert_allclose(figure.data[0].y, 0.5)
    with pytest.raises(InputError, match="kl of shape"):
        SteeringCurve(target, curve.strengths, curve.ids, curve.texts, curve.log_probability, np.zeros(2), np.zeros(2))


def test_public_names() -> None:
    assert iw.targets is targets
    assert {"feature", "direction", "difference", "neuron", "head", "layers", "vector", "random", "parse", "of"} <= set(
        dir(iw.targets)
    )


@pytest.mark.parametrize(
    "ask",
    [
        lambda: iw.SteeringPanel("gpt2", "x"),
        lambda: iw.SteeringSession("gpt2", "x"),
        lambda: iw.targets.head("gpt2", 1, 1),
        lambda: iw.targets.neuron("gpt2", 1, 1),
        lambda: iw.targets.layers("gpt2", 0, 1),
        lambda: iw.targets.difference("gpt2", "resid_post.0", ["a"], ["b"]),
        lambda: iw.targets.parse("gpt2", "head 1.1"),
        lambda: iw.targets.of("gpt2", "head 1.1"),
    ],
)
def test_a_name_is_no_model(ask):
    with pytest.raises(iw.InputError, match=r"a model that iw\.load returned, got str"):
        ask()
