"""Extremes of units over many images, against sorting everything at once and against planted patches."""

import numpy as np
import pytest
import torch
from PIL import Image

import interpwidgets as iw
from interpwidgets import InputError
from interpwidgets.analyses.exemplars import cluster_exemplars, exemplars, feature_exemplars, prototype_exemplars
from interpwidgets.analyses.image_units import patch_activations
from interpwidgets.dictionaries.identity import Identity
from interpwidgets.prototypes import PrototypeNetwork, Sources
from interpwidgets.worlds import birdworld
from tests.unit.families import build


def random_images(n, side=8, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def random_values(n, units=5, grid=(3, 4), seed=1):
    return np.random.default_rng(seed).normal(size=(n, units, *grid)).astype(np.float32)


@pytest.mark.parametrize("batch_size", [1, 7, 100])
@pytest.mark.parametrize("k", [1, 4])
def test_streaming_equals_sorting_everything_at_once(batch_size, k):
    values, images = random_values(60), random_images(60)
    found = exemplars(values, images, k, weakest=True, batch_size=batch_size)
    peaks = values.max((2, 3))
    for unit in range(5):
        order = np.argsort(-peaks[:, unit])
        for record, wanted in ((found, order[:k]), (found.weakest, order[::-1][:k])):
            np.testing.assert_array_equal(record.indices[record.rows[unit]], wanted)
            np.testing.assert_array_equal(record.values[unit], peaks[wanted, unit])
            for j, i in enumerate(wanted):
                row, column = np.unravel_index(values[i, unit].argmax(), (3, 4))
                assert tuple(record.places[unit, j]) == (row, column)
                np.testing.assert_array_equal(record.images[record.rows[unit, j]], images[i])
                # An 8 x 8 image under a 3 x 4 map: rows of 8/3 pixels, rounded outwards, columns of 2.
                box = (int(row * 8 / 3), column * 2, int(np.ceil((row + 1) * 8 / 3)), column * 2 + 2)
                assert tuple(record.boxes[unit, j]) == box
    assert found.n_images == 60
    assert len(found.images) <= 10 * k


def test_values_without_places_and_as_a_function_agree():
    values, images = random_values(30, grid=(1, 1)), random_images(30)
    known = {image.tobytes(): i for i, image in enumerate(images)}

    def measured(batch):
        assert len(batch) <= 4
        return values[[known[image.tobytes()] for image in batch], :, 0, 0]

    plain = exemplars(values[:, :, 0, 0], images, 3)
    for other in (exemplars(values, images, 3), exemplars(measured, images, 3, batch_size=4)):
        np.testing.assert_array_equal(plain.rows, other.rows)
        np.testing.assert_array_equal(plain.values, other.values)
    assert (plain.boxes == [0, 0, 8, 8]).all()


def test_fewer_images_than_asked_for():
    found = exemplars(random_values(2), random_images(2), 5, weakest=True)
    for record in (found, found.weakest):
        assert record.count(0) == 2
        assert (record.rows[:, 2:] == -1).all()
        assert np.isnan(record.values[:, 2:]).all()
    assert len(found.patches(0)) == 2


def test_what_is_not_a_number_is_no_extreme():
    values = random_values(10, grid=(2, 2))
    values[3] = np.nan
    values[4, 0, 0, 0] = np.nan  # one place: the others still count
    values[5, 1] = -np.inf
    found = exemplars(values, random_images(10), 10)
    for unit in range(5):
        shown = found.indices[found.rows[unit][found.rows[unit] >= 0]]
        assert 3 not in shown
        assert len(shown) == 9
    at = list(found.indices[found.rows[0][:9]]).index(4)
    assert found.values[0, at] == np.nanmax(values[4, 0])
    assert found.indices[found.rows[1, 8]] == 5
    assert found.values[1, 8] == -np.inf


def test_ties_are_drawn_and_repeatable():
    values, images = np.zeros((200, 2, 1, 1)), random_images(200)
    first, again = (exemplars(values, images, 5, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.indices, again.indices)
    batches = exemplars(values, images, 5, seed=3, batch_size=9)
    np.testing.assert_array_equal(first.indices[first.rows], batches.indices[batches.rows])
    other = exemplars(values, images, 5, seed=4)
    assert set(first.indices) != set(other.indices)
    assert set(first.indices) != set(range(5))


def test_paths_are_opened_when_needed_and_thumbnails_are_small(tmp_path):
    images = random_images(6, side=40)
    paths = [tmp_path / f"{i}.png" for i in range(6)]
    for image, path in zip(images, paths, strict=True):
        Image.fromarray(image).save(path)
    values = random_values(6, units=2, grid=(4, 4))
    whole = exemplars(values, paths, 2)
    np.testing.assert_array_equal(whole.images, images[whole.indices])
    small = exemplars(values, paths, 2, thumbnail=20)
    assert small.images.shape[1:] == (20, 20, 3)
    np.testing.assert_array_equal(small.boxes, whole.boxes // 2)


def test_images_of_different_sizes_are_brought_to_one():
    mixed = [Image.fromarray(random_images(1, side)[0]) for side in (8, 12, 16)]
    with pytest.raises(InputError, match="one size"):
        exemplars(np.ones((3, 1)), mixed, 3)
    assert exemplars(np.ones((3, 1)), mixed, 3, size=(10, 10)).images.shape == (3, 10, 10, 3)


def test_a_subset_of_units():
    found = exemplars(random_values(20), random_images(20), 3, weakest=True, labels=list("abcde"))
    some = found.take([4, 1])
    assert some.names == ("4", "1")
    assert some.labels == ("e", "b")
    np.testing.assert_array_equal(some.values[1], found.values[1])
    assert some.weakest is not None
    np.testing.assert_array_equal(some.weakest.rows[0], found.weakest.rows[4])


def spotted(n=40):
    """Grey images of which some hold one red and some one blue 8 x 8 patch at a known cell of a 4 x 4 grid."""
    rng = np.random.default_rng(5)
    images = np.full((n, 32, 32, 3), 128, np.uint8)
    spots = {}
    for i in rng.permutation(n)[:12].tolist():
        row, column = (int(v) for v in rng.integers(0, 4, 2))
        colour = (230, 20, 20) if len(spots) % 2 else (20, 20, 230)
        images[i, row * 8 : row * 8 + 8, column * 8 : column * 8 + 8] = colour
        spots[i] = (row, column, len(spots) % 2)
    return images, spots


def colour_network():
    """Prototypes at pure red and pure blue over cells' mean colours, as they come out of `prepare`."""

    class Mean(torch.nn.Module):
        def forward(self, x):
            return torch.nn.functional.avg_pool2d(x, 8)

    red, blue = ([(c / 255 - 0.5) / 0.25 for c in colour] for colour in ((230, 20, 20), (20, 20, 230)))
    return PrototypeNetwork(
        Mean(), [red, blue], classes=["red", "blue"], prototype_class=[0, 1], image_size=32, similarity="distance"
    )


def test_prototypes_find_their_planted_patches():
    images, spots = spotted()
    net = colour_network()
    net.sources = Sources(
        image=np.array([0, 1]),
        place=np.zeros((2, 2), np.int64),
        box=np.array([[0, 0, 8, 8], [8, 8, 16, 16]]),
        labels=np.array([0, 1]),
        images=images[:2],
    )
    found = prototype_exemplars(net, images, 6, batch_size=7)
    for p, kind in ((0, 1), (1, 0)):
        wanted = {i: place[:2] for i, place in spots.items() if place[2] == kind}
        assert set(found.indices[found.rows[p]].tolist()) == set(wanted)
        np.testing.assert_allclose(found.values[p], 9.2103, atol=1e-3)  # log(1 / 1e-4): the patch itself
        for j, row in enumerate(found.rows[p]):
            at = wanted[int(found.indices[row])]
            assert tuple(found.places[p, j]) == at
            assert tuple(found.boxes[p, j]) == (at[0] * 8, at[1] * 8, at[0] * 8 + 8, at[1] * 8 + 8)
            colour = (230, 20, 20) if kind else (20, 20, 230)
            assert (found.patches(p)[j] == colour).all()
    assert found.labels == ("red", "blue")
    np.testing.assert_array_equal(found.own_boxes, net.sources.box)
    np.testing.assert_array_equal(found.own_images, images[:2])


def test_clusters_find_the_patches_nearest_to_their_centres():
    images, spots = spotted()
    cells = images.reshape(len(images), 4, 8, 4, 8, 3).mean((2, 4)).transpose(0, 3, 1, 2)
    centres = np.array([[230, 20, 20], [20, 20, 230]])
    found = cluster_exemplars(centres, cells, images, 6)
    for c, kind in ((0, 1), (1, 0)):
        assert set(found.indices[found.rows[c]].tolist()) == {i for i, place in spots.items() if place[2] == kind}
        np.testing.assert_allclose(found.values[c], 0, atol=1e-9)
    grey = np.full((1, 3), 128.0)
    assert cluster_exemplars(grey, cells, images, 1).value_kind == "nearness"
    as_function = cluster_exemplars(
        centres, lambda batch: batch.reshape(len(batch), 4, 8, 4, 8, 3).mean((2, 4)).transpose(0, 3, 1, 2), images, 6
    )
    np.testing.assert_array_equal(found.rows, as_function.rows)


@pytest.fixture(scope="module")
def vit():
    return iw.load(build("vit"))


def pixels(images):
    return images.transpose(0, 3, 1, 2).astype(np.float32) / 255


def test_features_on_patches_agree_with_the_models_own_hidden_states(vit):
    config = vit.config
    side, patch = config.image_size, config.patch_size
    images = random_images(5, side)
    with torch.no_grad():
        states = vit.model(torch.from_numpy(pixels(images)), output_hidden_states=True).hidden_states
    grid = side // patch
    own = states[1][:, 1:].transpose(1, 2).reshape(5, -1, grid, grid).numpy()  # without the class token
    np.testing.assert_allclose(patch_activations(vit, "resid_post.0", prepare=pixels)(images), own, atol=1e-5)
    neurons = Identity(own.shape[1], site_in="resid_post.0")
    found = feature_exemplars(neurons, vit, None, images, 2, prepare=pixels, batch_size=2)
    assert len(found) == own.shape[1]
    for unit in range(len(found)):
        order = np.argsort(-own[:, unit].max((1, 2)))[:2]
        np.testing.assert_array_equal(found.indices[found.rows[unit]], order)
        np.testing.assert_allclose(found.values[unit], own[order, unit].max((1, 2)), atol=1e-5)
    assert found.unit_kind == "feature"


def test_the_shipped_vision_transformer_prepares_images_by_itself():
    if not (birdworld.folder() / "vit" / "config.json").exists():
        pytest.skip("the weights of birdworld are not in this tree")
    lm = iw.load("birdworld/vit")
    images = birdworld.draw(3, seed=2).images
    with torch.no_grad():
        given = lm.tokenizer(images=list(images), return_tensors="pt")["pixel_values"]
        states = lm.model(given, output_hidden_states=True).hidden_states[2][:, 1:]
    maps = iw.patch_activations(lm, "resid_post.1")(images)
    np.testing.assert_allclose(maps.reshape(*maps.shape[:2], -1).transpose(0, 2, 1), states.numpy(), atol=1e-4)


def test_a_text_model_has_no_image_patches():
    lm = iw.load(build("gpt2"))
    with pytest.raises(InputError, match="vision transformer"):
        patch_activations(lm, "resid_post.0")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: exemplars(random_values(3), random_images(4)), "4 images"),
        (lambda: exemplars(random_values(3)[:, :, 0], random_images(3)), "h, w"),
        (lambda: exemplars(random_values(3), random_images(3), 0), "k as a whole number"),
        (lambda: exemplars(random_values(3), random_images(3), names=["a"]), "5 names"),
        (lambda: exemplars(random_values(3), random_images(3), image_labels=["a"]), "3 image labels"),
        (lambda: exemplars(np.zeros((0, 2)), []), "at least one image"),
        (lambda: exemplars(lambda batch: np.zeros((1, 2)), random_images(3)), "3 images"),
        (lambda: exemplars(np.array([["a"], ["b"]]), random_images(2)), "of numbers"),
        (lambda: exemplars(random_values(3), random_images(3)).check(5), "unit from 0 to 4"),
        (lambda: cluster_exemplars(np.zeros((2, 4)), np.zeros((1, 3, 2, 2)), random_images(1)), "as wide"),
        (lambda: prototype_exemplars(object(), random_images(1)), "prototypes"),
    ],
)
def test_wrong_input_says_what_to_do(call, words):
    with pytest.raises(InputError, match=words):
        call()


def test_a_coarse_prototype_stands_for_a_coarse_cell():
    class Two(torch.nn.Module):
        def forward(self, x):
            return [torch.nn.functional.avg_pool2d(x, 4), torch.nn.functional.avg_pool2d(x, 16)]

    net = PrototypeNetwork(
        Two(), torch.rand(2, 3), classes=["a", "b"], prototype_class=[0, 1], image_size=32, scales=[0, 1]
    )
    found = prototype_exemplars(net, random_images(4, 32), 2)
    sides = found.boxes[..., 2] - found.boxes[..., 0]
    assert (sides[0] == 4).all()
    assert (sides[1] == 16).all()
