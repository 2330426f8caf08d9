"""birdworld draws what it says, and its shipped networks know what their card claims."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

import interpwidgets as iw
from interpwidgets.errors import InputError
from interpwidgets.prototypes import PartBackbone, PrototypeModel
from interpwidgets.prototypes.similarity import CEILING
from interpwidgets.worlds import birdworld
from interpwidgets.worlds.birdworld import train
from interpwidgets.worlds.birdworld.card import write_card
from interpwidgets.worlds.birdworld.measures import concepts_read, parts_seen

torch.set_num_threads(1)
BUDGET = 700_000  # bytes of the wheel; all worlds together have 8 MB, storyworld 7.2 of them


@pytest.fixture(scope="module")
def birds():
    return birdworld.draw(48, seed=11)


@pytest.fixture(scope="module")
def net():
    return iw.load("birdworld")


def test_a_bird_is_the_same_whoever_draws_it(birds):
    assert birds.images.shape == (48, 64, 64, 3)
    assert birds.images.dtype == np.uint8
    again = birdworld.draw([7, 3], seed=11)
    assert (again.images == birds.images[[7, 3]]).all()
    assert again.labels.tolist() == birds.labels[[7, 3]].tolist()
    assert (birdworld.draw(4, seed=12).images != birds.images[:4]).any()
    state = np.random.get_state()[1].copy()
    birdworld.draw(1, seed=0)
    assert (np.random.get_state()[1] == state).all()


def test_drawing_needs_no_torch():
    code = (
        "import sys; from interpwidgets.worlds import birdworld as b; b.draw(1, seed=0); print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout.strip() == "False", ran.stderr


def test_no_single_concept_names_a_species_and_each_has_a_twin():
    for name in birdworld.CONCEPTS:
        values = [getattr(species, name) for species in birdworld.SPECIES]
        assert min(values.count(value) for value in values) >= 2
    for label in range(8):
        other = birdworld.twin(label)
        assert len(birdworld.difference(label, other)) == 1
        assert birdworld.twin(other) == label
        assert birdworld.HOMES[label] != birdworld.HOMES[other]
    assert len({tuple(species[1:]) for species in birdworld.SPECIES}) == 8


def test_concepts_are_those_of_the_species(birds):
    for i, label in enumerate(birds.labels):
        for name in birdworld.CONCEPTS:
            assert birds.concepts[name][i] == getattr(birdworld.SPECIES[label], name)
    assert set(birds.labels) == set(range(8))


def test_masks_lie_where_the_parts_are(birds):
    total = sum(mask.astype(int) for mask in birds.masks.values())
    assert total.max() == 1
    assert set(birds.masks) == set(birdworld.PARTS)
    for part in birdworld.PARTS:
        assert birds.masks[part].any((1, 2)).mean() > 0.95, part
    hues = {"red": 0, "blue": 2}
    for i, name in enumerate(birds.concepts["head"]):
        colour = birds.images[i][birds.masks["head"][i]].mean(0)
        if name in hues:
            assert colour.argmax() == hues[name]
        else:  # yellow: much red and green, little blue
            assert colour[:2].min() > colour[2] + 60
    inside = total[:, 2:-2, 2:-2].sum((1, 2)) / total.sum((1, 2))
    assert inside.min() > 0.97, "a bird leaves the picture"


@pytest.mark.parametrize(
    ("name", "value", "part"), [("head", "green", "head"), ("wing", "bars", "wing"), ("beak", "long", "beak")]
)
def test_one_thing_changed_leaves_the_rest(name, value, part):
    before, after = birdworld.draw(6, seed=3, label=5), birdworld.draw(6, seed=3, label=5, **{name: value})
    changed = (before.images != after.images).any(-1)
    near = before.masks[part] | after.masks[part]
    for _ in range(4):  # edges are shared with the next pixels, and the tip of a beak is too thin for the mask
        near = near | np.roll(near, 1, 1) | np.roll(near, -1, 1) | np.roll(near, 1, 2) | np.roll(near, -1, 2)
    assert changed.any((1, 2)).all()
    assert not (changed & ~near).any()
    assert (after.concepts[name] == value).all()
    assert (after.labels == 5).all()


def test_markings_follow_the_concepts():
    def roughness(part, **fixed):
        drawn = birdworld.draw(12, seed=4, **{"contrast": 1.0} | fixed)
        grey = drawn.images.astype(float).mean(-1)
        return np.mean([grey[i][drawn.masks[part][i]].std() for i in range(12)])

    assert roughness("wing", wing="bars") > 2 * roughness("wing", wing="plain")
    assert roughness("wing", wing="spots") > 2 * roughness("wing", wing="plain")
    assert roughness("belly", belly="striped") > 1.5 * roughness("belly", belly="smooth")
    assert roughness("wing", wing="bars") > 2 * roughness("wing", wing="bars", contrast=0.0)


def test_a_confounded_set_has_backgrounds_of_the_species():
    drawn = birdworld.draw(60, seed=5, confounded=1.0)
    assert [birdworld.HOMES[label] for label in drawn.labels] == drawn.concepts["background"].tolist()
    free = birdworld.draw(60, seed=5)
    at_home = np.mean([birdworld.HOMES[y] == b for y, b in zip(free.labels, free.concepts["background"], strict=True)])
    assert at_home < 0.5
    assert (free.labels == drawn.labels).all()
    assert set(birdworld.draw(3, seed=5, confounded=1.0, background="sea").concepts["background"]) == {"sea"}


def test_size_is_size():
    small, large = (birdworld.draw(4, seed=6, size=s, label=0) for s in (0.85, 1.15))
    ratio = sum(m.sum() for m in large.masks.values()) / sum(m.sum() for m in small.masks.values())
    assert ratio == pytest.approx((1.15 / 0.85) ** 2, rel=0.12)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"n": 0}, "one bird or more"),
        ({"seed": -1}, "seed of 0 or more"),
        ({"confounded": 1.5}, "confounded from 0 to 1"),
        ({"head": "pink"}, "head as one of red"),
        ({"label": 8}, "label as one of 0"),
        ({"hat": "tall"}, "one of label, head"),
        ({"size": 9.0}, "size from 0.3 to 1.6"),
        ({"angle": float("nan")}, "finite"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options, says):
    with pytest.raises(InputError, match=says):
        birdworld.draw(**{"n": 2, "seed": 0} | options)


def test_it_fits_into_the_package():
    files = [path for path in birdworld.folder().parent.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert sum(path.stat().st_size for path in files) <= BUDGET
    assert not any(path.suffix in (".pt", ".bin", ".pkl", ".png", ".npy") for path in files)


def test_the_shipped_network_is_as_good_as_its_card_says(net):
    record = json.loads((birdworld.folder() / "measures.json").read_text())
    said = record["network"]
    assert said["accuracy"]["after push"] < said["accuracy"]["before push"]
    assert said["accuracy"]["after refit"] >= 0.95
    assert said["shipped"] >= 0.95
    card = (birdworld.folder() / "README.md").read_text()
    for value in (*said["accuracy"].values(), said["shipped"], record["vit"]["accuracy"]):
        assert f"{value:.3f}" in card
    birds = birdworld.draw(300, seed=21)
    with torch.no_grad():
        right = (net(net.prepare(birds.images)).argmax(1).numpy() == birds.labels).mean()
    assert right == pytest.approx(said["shipped"], abs=0.03)
    assert said["parameters"] == sum(p.numel() for p in net.parameters())


def test_each_shipped_prototype_is_a_patch_of_a_bird(net):
    assert isinstance(net, PrototypeModel)
    sources = net.sources
    with torch.no_grad():
        maps = net.similarity_maps(net.prepare(sources.images))
    for p, (row, column) in enumerate(sources.place):
        assert float(maps[p, p, row, column]) == pytest.approx(CEILING, abs=1e-3)
    drawn = birdworld.draw(sources.image.tolist(), seed=0)
    assert (drawn.images == sources.images).all()
    assert (drawn.labels == sources.labels).all()
    assert (sources.labels == net.prototype_class).all()


def test_prototypes_look_at_birds_and_read_concepts(net):
    birds = birdworld.draw(160, seed=22)
    own = net.weights.detach().numpy()[net.prototype_class, np.arange(net.n_prototypes)]
    used = np.flatnonzero(own > 0.5)
    assert np.mean([parts_seen(net, birds, int(p))["bird"] for p in used]) > 0.6
    lost = np.stack(list(concepts_read(net, n=8).values()))
    assert (lost[:, used].max(0) > 0.2).mean() > 0.8
    rows = json.loads((birdworld.folder() / "measures.json").read_text())["network"]["rows"]
    assert len(rows) == net.n_prototypes


def test_the_vision_transformer_runs_in_the_house():
    vit = iw.load("birdworld/vit")
    birds = birdworld.draw(100, seed=23)
    trace = vit.trace(birds.images[0])
    assert trace.tokens.grid == (8, 8)
    assert iw.attention(trace).pattern.shape == (4, 4, 65, 65)
    x = torch.from_numpy(birds.images.transpose(0, 3, 1, 2).astype(np.float32)) / 127.5 - 1
    with torch.no_grad():
        right = (vit.model(x).logits.argmax(1).numpy() == birds.labels).mean()
    said = json.loads((birdworld.folder() / "measures.json").read_text())["vit"]["accuracy"]
    assert right == pytest.approx(said, abs=0.08)
    assert iw.AttentionView(trace).layer == 0


def test_options_of_a_transformer_are_refused():
    with pytest.raises(InputError, match="prototype network"):
        iw.load("birdworld", dtype=torch.float16)


def test_the_card_is_written_from_what_was_measured(tmp_path):
    record = json.loads((birdworld.folder() / "measures.json").read_text())
    write_card(record, tmp_path)
    assert (tmp_path / "README.md").read_text() == (birdworld.folder() / "README.md").read_text()


def test_the_recipe_ships_prototypes_that_are_patches_of_the_rounded_network(tmp_path, monkeypatch):
    monkeypatch.setattr(train, "EPOCHS", 1)
    monkeypatch.setattr(train, "fresh", lambda seed: tiny(seed))
    drawn = birdworld.draw(48, seed=0)
    record = train.fit_network(drawn, drawn.take(slice(0, 16)), tmp_path, seed=0)
    assert list(record["accuracy"]) == ["before push", "after push", "after refit"]
    read = iw.PrototypeNetwork.load(tmp_path / "network", images=drawn.images)
    with torch.no_grad():
        maps = read.similarity_maps(read.prepare(read.sources.images))
    for p, (row, column) in enumerate(read.sources.place):
        assert float(maps[p, p, row, column]) == pytest.approx(CEILING, abs=1e-3)


def tiny(seed):
    torch.manual_seed(seed)
    return iw.PrototypeNetwork.fresh(PartBackbone(4, 8), classes=birdworld.CLASSES, image_size=64, per_class=1)
