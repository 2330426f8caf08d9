"""Steering records carried out: what they change, exactly, and that nothing of them remains."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from interpwidgets.analyses.splice import splice
from interpwidgets.analyses.steering.targets import targets
from interpwidgets.dictionaries import Dictionary, SparseAutoencoder, Transcoder, load_dictionary
from interpwidgets.dictionaries.topk import TopK
from interpwidgets.errors import InputError
from interpwidgets.models import Edit, Model, load
from interpwidgets.records.steering import Steering, SteeringTarget
from tests.unit import families as F

VECTOR = torch.linspace(-1.0, 1.0, 32)


def hooks_of(model: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def logits(lm: Model, name: str) -> torch.Tensor:
    with torch.no_grad():
        return lm.model(**F.arguments(name)).logits


def sae(site: str = "resid_post.1", width: int = 32, **more: Any) -> SparseAutoencoder:
    draw = torch.Generator().manual_seed(3)
    write, read = (torch.randn(20, width, generator=draw) for _ in range(2))
    bias = torch.randn(20, generator=draw)
    return SparseAutoencoder(read, write, encoder_bias=bias, site_in=site, name="planted", **more)


def everything(lm: Model) -> list[SteeringTarget]:
    """One target of every kind that a model has."""
    found = [
        targets.feature(sae(), 4, lm=lm),
        targets.direction(sae(), 5, lm=lm),
        targets.vector("resid_pre.1", VECTOR, lm=lm),
        targets.vector(["resid_mid.0", "resid_post.2"], torch.stack([VECTOR, -VECTOR]), name="two places", lm=lm),
    ]
    return [*found, targets.neuron(lm, 1, 7), targets.head(lm, 2, 1), targets.layers(lm, 1, 2)]


def at(target: SteeringTarget, mode: str) -> SteeringTarget:
    return target if target.mode == mode else target.with_mode(mode)


@pytest.mark.parametrize("name", F.FAMILIES)
def test_neutral_and_off_set_no_hook_and_change_no_bit(name: str) -> None:
    lm = load(F.build(name))
    plain, before = logits(lm, name), hooks_of(lm.model)
    kinds = [k for k in ("attn_out", "mlp_out", "mlp_act", "head_out") if k in lm.anatomy.blocks[1].taps]
    made = [targets.feature(sae(), 4, lm=lm), targets.vector("resid_pre.1", VECTOR, lm=lm)]
    made += [targets.neuron(lm, 1, 7)] if "mlp_act" in kinds else []
    made += [targets.head(lm, 1, 2)] if "head_out" in kinds else []
    made += [targets.layers(lm, 0, 1)] if {"attn_out", "mlp_out"} <= set(kinds) else []
    for mode in ("add", "clamp", "scale", "ablate"):
        chosen = [at(t, mode) for t in made if mode in t.modes]
        for strengths in ([t.neutral for t in chosen], [None] * len(chosen)):
            with lm.edit(Steering(tuple(chosen), tuple(strengths))):
                assert hooks_of(lm.model) == before
                assert torch.equal(logits(lm, name), plain)
        # And that strengths which are not neutral do something.
        with lm.edit(Steering(tuple(chosen), (0.7,) * len(chosen))):
            assert not torch.equal(logits(lm, name), plain)
    assert hooks_of(lm.model) == before
    assert torch.equal(logits(lm, name), plain)


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "falcon", "gptj", "bert"])
def test_taking_all_away_is_clamping_to_zero_is_scaling_by_zero(name: str) -> None:
    lm = load(F.build(name))
    made = [
        targets.feature(sae(), 4, lm=lm),
        targets.neuron(lm, 1, 7),
        targets.head(lm, 1, 2),
        targets.layers(lm, 1, 1),
    ]
    plain = logits(lm, name)
    for target in made:
        found = []
        for mode, strength in (("ablate", 1.0), ("scale", 0.0), ("clamp", 0.0)):
            if mode in target.modes:
                with lm.edit(Steering((at(target, mode),), (strength,))):
                    found.append(logits(lm, name))
        assert len(found) >= 2
        assert all(torch.equal(found[0], other) for other in found[1:]), target.name
        assert not torch.equal(found[0], plain), target.name


@pytest.mark.parametrize("name", ["gpt2", "llama", "bloom", "bert"])
def test_heads_layers_neurons_and_vectors_are_the_edits_they_stand_for(name: str) -> None:
    """The same change said with `Edit`, which is tested against the activations themselves."""
    lm = load(F.build(name))
    pairs = [
        (targets.head(lm, 1, 2, mode="ablate"), 1.0, [Edit("head_out.1", ablate=True, heads=2)]),
        (targets.head(lm, 1, 2), 2.5, [Edit("head_out.1", scale=2.5, heads=2)]),
        (targets.layers(lm, 1, 1), 0.3, [Edit("attn_out.1", scale=0.3), Edit("mlp_out.1", scale=0.3)]),
        (targets.vector("resid_post.1", VECTOR, lm=lm), 3.0, [Edit("resid_post.1", add=VECTOR, strength=3.0)]),
        (
            targets.neuron(lm, 1, 7),
            2.0,
            [Edit("mlp_act.1", add=torch.eye(lm.width("mlp_act.1") or 0)[7], strength=2.0)],
        ),
    ]
    for target, strength, edits in pairs:
        with lm.edit(Steering((target,), (strength,))):
            steered = logits(lm, name)
        with lm.edit(*edits):
            torch.testing.assert_close(steered, logits(lm, name), atol=2e-5, rtol=1e-4, msg=target.name)


def by_hand(dictionary: SparseAutoencoder, x: torch.Tensor, j: int, mode: str, strength: float) -> torch.Tensor:
    """The formula written out with the dictionary's arrays alone."""
    read, bias, write = dictionary.W_enc[:, j], dictionary.b_enc[j], dictionary.W_dec[j]
    new = []
    for row in x.reshape(-1, x.shape[-1]):
        code = max(float(row @ read + bias), 0.0)
        wanted = {"clamp": strength, "scale": strength * code, "ablate": (1 - strength) * code}.get(mode)
        new.append(row + (strength if wanted is None else wanted - code) * write)
    return torch.stack(new).reshape(x.shape)


@pytest.mark.parametrize("mode", ["add", "clamp", "scale", "ablate"])
def test_a_feature_against_the_formula(mode: str) -> None:
    lm, dictionary = load(F.build("llama")), sae()
    ids = F.example("llama", 9)
    plain = lm.trace(ids)["resid_post.1"]
    wanted = by_hand(dictionary, plain, 4, mode, 0.6)
    with lm.edit(Steering((targets.feature(dictionary, 4, mode, lm),), (0.6,))):
        steered = lm.trace(ids, sites=["resid_post.1"])["resid_post.1"]
    torch.testing.assert_close(steered, wanted, atol=1e-5, rtol=1e-5)
    assert not torch.equal(steered, plain)


def test_a_clamped_feature_fires_as_told_where_the_dictionary_is_orthogonal() -> None:
    """With orthonormal directions read as they are written, what is clamped is what is read again."""
    basis = torch.linalg.qr(torch.randn(32, 32, generator=torch.Generator().manual_seed(0)))[0]
    dictionary = SparseAutoencoder(basis, basis, site_in="resid_post.1", name="orthogonal")
    lm = load(F.build("gpt2"))
    target = targets.feature(dictionary, 6, "clamp", lm)
    with lm.edit(Steering((target,), (2.5,))):
        codes = dictionary.encode(lm.trace(F.example("gpt2"), sites=["resid_post.1"])["resid_post.1"])
    off = dictionary.encode(lm.trace(F.example("gpt2"))["resid_post.1"])[:, 6] == 0
    read = lm.trace(F.example("gpt2"))["resid_post.1"] @ basis[6]
    # Where the feature did not fire the stream may point against it, and the clamp starts from there.
    wanted = torch.where(off, (2.5 + read).clamp_min(0), torch.tensor(2.5))
    torch.testing.assert_close(codes[:, 6], wanted, atol=1e-4, rtol=1e-4)


def test_topk_codes_are_read_with_their_competitors() -> None:
    lm, dictionary = load(F.build("gpt2")), sae(activation=TopK(3))
    plain = lm.trace(F.example("gpt2"))["resid_post.1"]
    codes = dictionary.encode(plain)[:, 4]
    with lm.edit(Steering((targets.feature(dictionary, 4, "ablate", lm),), (1.0,))):
        steered = lm.trace(F.example("gpt2"), sites=["resid_post.1"])["resid_post.1"]
    torch.testing.assert_close(steered, plain - codes[:, None] * dictionary.W_dec[4], atol=1e-5, rtol=1e-5)
    assert torch.equal(steered[codes == 0], plain[codes == 0])


def test_a_transcoder_reads_in_one_place_and_writes_in_another() -> None:
    lm = load(F.build("llama"))
    draw = torch.Generator().manual_seed(5)
    read, write = torch.randn(12, 32, generator=draw), torch.randn(12, 32, generator=draw)
    coder = Transcoder(read, write, site_in="mlp_in.1", site_out="mlp_out.1", name="coder")
    ids = F.example("llama", 8)
    plain = lm.trace(ids, sites=["mlp_in.1", "mlp_out.1"])
    code = (plain["mlp_in.1"] @ read[3]).clamp_min(0)
    with lm.edit(Steering((targets.feature(coder, 3, "clamp", lm),), (1.5,))):
        steered = lm.trace(ids, sites=["mlp_out.1"])["mlp_out.1"]
    wanted = plain["mlp_out.1"] + (1.5 - code)[:, None] * write[3]
    torch.testing.assert_close(steered, wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "name", ["resid_post.1", "resid_post.2-jumprelu", "resid_post.1-matryoshka", "mlp.3-transcoder"]
)
@pytest.mark.parametrize("strength", [0.0, 4.0])
def test_trained_features_against_the_dictionary_in_place_of_the_stream(name: str, strength: float) -> None:
    """Clamping is the same as writing the codes, changed, with what the dictionary leaves unsaid added again."""
    lm, dictionary = load("storyworld"), load_dictionary(f"storyworld/{name}")
    text = "Mary and Tom went to the park. Tom gave the ball to"
    codes = dictionary.encode(lm.trace(text)[dictionary.site_in or ""])
    j = int(codes.amax(0).argmax())

    def clamp(found: torch.Tensor) -> None:
        found[..., j] = strength

    with splice(lm, dictionary, error=True, edit=clamp):
        wanted = lm.trace(text).logits
    with lm.edit(Steering((targets.feature(dictionary, j, "clamp", lm),), (strength,))):
        steered = lm.trace(text).logits
    plain = lm.trace(text).logits
    assert wanted is not None
    assert steered is not None
    assert plain is not None
    torch.testing.assert_close(steered, wanted, atol=1e-3, rtol=1e-4)
    assert not torch.allclose(steered, plain, atol=1e-2)


def test_changes_at_one_site_are_added_whatever_their_order() -> None:
    lm, dictionary = load(F.build("gpt2")), sae()
    made = [targets.feature(dictionary, 4, "clamp", lm), targets.feature(dictionary, 9, "scale", lm)]
    made += [targets.vector("resid_post.1", VECTOR, lm=lm), targets.vector("attn_out.1", VECTOR, name="early", lm=lm)]
    made += [targets.vector("resid_mid.1", -VECTOR, name="middle", lm=lm), targets.head(lm, 1, 0)]
    strengths = [2.0, 3.0, 0.5, 1.5, 2.5, 0.25]
    ids = F.example("gpt2")
    found = []
    for order in ([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [2, 0, 4, 1, 5, 3]):
        with lm.edit(Steering(tuple(made[i] for i in order), tuple(strengths[i] for i in order))):
            found.append(lm.trace(ids, sites=["resid_post.1"])["resid_post.1"])
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])
    with lm.edit(Steering(tuple(made[3:]), tuple(strengths[3:]))):
        arriving = lm.trace(ids, sites=["resid_post.1"])["resid_post.1"]
    wanted = arriving + 0.5 * VECTOR
    for j, mode, strength in ((4, "clamp", 2.0), (9, "scale", 3.0)):
        wanted = wanted + by_hand(dictionary, arriving, j, mode, strength) - arriving
    torch.testing.assert_close(found[0], wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("positions", "rows"),
    [
        ("all", slice(0, 9)),
        ("prompt", slice(0, 5)),
        ("generated", slice(5, 9)),
        (2, slice(2, 9)),
        (0, slice(0, 9)),
        (np.int64(8), slice(8, 9)),
        (20, slice(9, 9)),
    ],
)
def test_positions(positions: Any, rows: slice) -> None:
    lm, dictionary = load(F.build("llama")), sae()
    ids = F.example("llama", 9)
    plain = lm.trace(ids)["resid_post.1"]
    target = targets.feature(dictionary, 4, "clamp", lm)
    with lm.edit(Steering((target,), (3.0,), positions, 5)):
        steered = lm.trace(ids, sites=["resid_post.1"])["resid_post.1"]
    wanted = plain.clone()
    if len(range(9)[rows]):
        wanted[rows] = by_hand(dictionary, plain[rows], 4, "clamp", 3.0)
    torch.testing.assert_close(steered, wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["gpt2", "llama", "gptj", "bloom", "mamba"])
@pytest.mark.parametrize("positions", ["all", "prompt", "generated", 7])
def test_generation_meets_positions_as_one_long_run_would(name: str, positions: Any) -> None:
    lm = load(F.build(name))
    ids = F.example(name, 6)
    target = targets.vector("resid_post.1", VECTOR, lm=lm)
    record = Steering((target,), (8.0,), positions, 6)
    with lm.edit(record):
        written = lm.generate(ids, 6)
        whole = lm.trace(written.ids[:-1])
    assert whole.logits is not None
    assert whole.logits[5:].argmax(-1).tolist() == written.new_ids.tolist()


def test_a_batch_has_a_strength_for_each_row() -> None:
    lm, dictionary = load(F.build("llama")), sae()
    batch = torch.tensor([F.example("llama", 7)]).expand(4, -1)
    made = (targets.feature(dictionary, 4, "clamp", lm), targets.head(lm, 1, 2))
    rows = [(1.0, 2.0), (None, 1.0), (0.0, None), (None, None)]
    with lm.edit(Steering(made, (None, None)).of_rows(rows)):
        output, _ = lm.run(batch)
    for i, row in enumerate(rows):
        with lm.edit(Steering(made, row)):
            alone = lm.trace(batch[0]).logits
        torch.testing.assert_close(output.logits[i], alone, atol=1e-4, rtol=1e-4)
    plain, _ = lm.run(batch)
    assert torch.equal(output.logits[1], plain.logits[1])
    assert torch.equal(output.logits[3], plain.logits[3])
    with lm.edit(Steering(made, ((1.0, 2.0), 1.0))), pytest.raises(InputError, match="each of the 4 rows"):
        lm.run(batch)


def test_steering_and_edits_mix_in_the_order_written() -> None:
    lm = load(F.build("gpt2"))
    ids = F.example("gpt2")
    plain = lm.trace(ids)["resid_post.1"]
    record = Steering((targets.vector("resid_post.1", VECTOR, lm=lm),), (2.0,))
    with lm.edit(record, Edit("resid_post.1", scale=0.5)):
        first = lm.trace(ids)
    with lm.edit(Edit("resid_post.1", scale=0.5)), lm.edit(record):
        second = lm.trace(ids)
    # Captured afterwards, under the edits of their own runs.
    torch.testing.assert_close(first["resid_post.1"], (plain + 2 * VECTOR) * 0.5)
    torch.testing.assert_close(second["resid_post.1"], plain * 0.5 + 2 * VECTOR)


class BoomError(Exception):
    pass


def steered_texts(lm: Model, record: Steering) -> Iterator[torch.Tensor | None]:
    with lm.edit(record):
        while True:
            yield lm.trace(F.example("gpt2")).logits


@pytest.mark.parametrize("error", [BoomError, KeyboardInterrupt, None])
@pytest.mark.parametrize("name", ["gpt2", "llama", "gptj", "bloom", "mamba", "bert", "t5", "vit"])
def test_nothing_outlives_an_error_inside_the_forward(name: str, error: type[BaseException] | None) -> None:
    lm = load(F.build(name))
    plain, before = logits(lm, name), hooks_of(lm.model)
    record = Steering((targets.feature(sae(), 4, "clamp", lm),), (2.0,))

    def fail(*args: Any) -> None:
        if error is not None:
            raise error

    broken = lm.anatomy.blocks[-1].module.register_forward_hook(fail)
    if error is None:
        with lm.edit(record):
            steered = logits(lm, name)
        assert not torch.equal(steered, plain)
    else:
        with pytest.raises(error), lm.edit(record):
            logits(lm, name)
    broken.remove()
    assert hooks_of(lm.model) == before
    assert torch.equal(logits(lm, name), plain)


def test_a_generator_that_is_closed_leaves_nothing() -> None:
    lm = load(F.build("gpt2"))
    plain, before = logits(lm, "gpt2"), hooks_of(lm.model)
    texts = steered_texts(lm, Steering((targets.head(lm, 1, 1),), (0.0,)))
    assert not torch.equal(next(texts), plain[0])  # type: ignore[arg-type]
    assert hooks_of(lm.model) > before
    texts.close()  # type: ignore[attr-defined]
    assert hooks_of(lm.model) == before
    assert torch.equal(logits(lm, "gpt2"), plain)


def far_feature(dictionary: Dictionary) -> SteeringTarget:
    target = targets.feature(dictionary, 1)
    object.__setattr__(target, "feature", 999)
    return target


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: targets.vector("resid_post.3", VECTOR), "a layer from 0 to 2"),
        (lambda: targets.vector("resid_post.1", torch.ones(31)), "a vector of 32 numbers"),
        (lambda: targets.feature(sae(width=16), 1), "a vector of 32 numbers"),
        (lambda: far_feature(sae()), "a feature from 0 to 19"),
    ],
)
def test_records_that_do_not_fit_the_model(make: Any, message: str) -> None:
    lm = load(F.build("gpt2"))
    before = hooks_of(lm.model)
    with pytest.raises(InputError, match=message), lm.edit(Steering((make(),), (1.0,))):
        pass
    assert hooks_of(lm.model) == before
    assert lm.trace([5])._edits == ()
