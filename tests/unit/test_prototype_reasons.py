"""Comparisons and reasons against closed forms: detectors built by hand that can see one characteristic only."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2gray
from skimage.metrics import structural_similarity

import interpwidgets as iw
from interpwidgets import InputError
from interpwidgets.analyses.image_changes import ImageChanges
from interpwidgets.analyses.misleading import likeness, misleading
from interpwidgets.analyses.prototype_reasons import prototype_reasons
from interpwidgets.analyses.prototypes import compare_prototypes
from interpwidgets.prototypes import Features, Groups, PrototypeNetwork, TextPrototypes, adapt
from interpwidgets.records.prototypes import CHARACTERISTICS, PrototypeComparison, PrototypeReasons
from interpwidgets.worlds import birdworld
from tests.unit import families

SIZE, CELL = 64, 16
IDLE = {"hue": 0.0, "saturation": 1.0, "contrast": 1.0, "brightness": 1.0, "shape": 0.0, "texture": 0.0}


class Detector:
    """A network by hand: one number for each cell of the image, straight from the pixels, behind the protocol."""

    classes = ("no", "yes")
    prototype_class = np.array([1])
    weights = torch.tensor([[-0.5], [1.0]])
    sources = None
    n_prototypes = 1
    image_size = (SIZE, SIZE)

    def __init__(self, measure):
        self.measure, self.largest_batch = measure, 0

    def prepare(self, images):
        return torch.from_numpy(np.array(images, dtype=np.float32)).permute(0, 3, 1, 2)

    def similarity_maps(self, x):
        self.largest_batch = max(self.largest_batch, len(x))
        images = x.permute(0, 2, 3, 1).numpy().astype(np.uint8)
        n = SIZE // CELL
        out = np.zeros((len(images), 1, n, n), np.float32)
        for i, image in enumerate(images):
            for r in range(n):
                for c in range(n):
                    out[i, 0, r, c] = self.measure(image[r * CELL : (r + 1) * CELL, c * CELL : (c + 1) * CELL])
        return torch.from_numpy(out)

    def similarities(self, x):
        return self.similarity_maps(x).amax((2, 3))

    def place_box(self, place, map_shape):
        assert map_shape == (SIZE // CELL, SIZE // CELL)
        return (place[0] * CELL, place[1] * CELL, (place[0] + 1) * CELL, (place[1] + 1) * CELL)


def hue_only(cell):
    """Cosine between the cell's mean hue on the circle and red."""
    red, green, blue = (cell[..., i].astype(float) for i in range(3))
    x, y = red - (green + blue) / 2, np.sqrt(3) / 2 * (green - blue)
    return float(np.cos(np.arctan2(y.sum(), x.sum()))) if np.hypot(x.sum(), y.sum()) > 0 else -1.0


def direction_only(cell):
    """How horizontal the edges of the brightest channel are, from -1 to 1; their strength is divided out."""
    value = cell.max(2).astype(float)
    dy, dx = np.gradient(value)
    total = (dx**2 + dy**2).sum()
    return float((dy**2 - dx**2).sum() / total) if total > 0 else -1.0


def noise_only(cell):
    """Whether the cell is rough at all: saturates, so that weaker roughness counts as much."""
    return float(min(1.0, cell.astype(float).std(axis=(0, 1)).mean() / 0.5))


def brightness_only(cell):
    return float(cell.mean() / 255)


def contrast_only(cell):
    """Standard deviation over mean, which a factor on both leaves as it is."""
    return float(cell.std() / cell.mean()) if cell.mean() > 0 else 0.0


def red_disc():
    """A red field with a small blue frame, so that there is a best place with nothing but red around it."""
    image = np.full((SIZE, SIZE, 3), (30, 60, 200), np.uint8)
    image[8:56, 8:56] = (210, 40, 40)
    return image


def stripes():
    """Broad horizontal stripes in two colours, of which one is brighter in every channel."""
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    image[:] = (60, 40, 20)
    image[np.arange(SIZE) % 16 < 8] = (220, 160, 90)
    return image


def reasons(measure, image, **options):
    found = prototype_reasons(Detector(measure), image, **options)
    return found.of(0) | {"before": float(found.similarities[0])}


def test_a_detector_of_hue_needs_hue_and_nothing_else():
    found = reasons(hue_only, red_disc())
    assert found["before"] > 0.99
    assert found["hue"] > 0.1
    # cos of the turn itself: 0.1 turns are 36 degrees, and the field's own hue is red.
    assert found["hue"] == pytest.approx(1 - np.cos(2 * np.pi * 0.1), abs=0.03)
    assert found["shape"] == pytest.approx(0, abs=1e-3)
    for name in ("saturation", "contrast", "brightness", "texture"):
        assert found[name] == pytest.approx(0, abs=5e-3), name


def test_a_detector_of_edge_direction_needs_shape_and_nothing_else():
    found = reasons(direction_only, stripes())
    assert found["before"] == pytest.approx(1)
    assert found["shape"] > 0.1
    for name in ("hue", "saturation", "contrast", "brightness", "texture"):
        assert found[name] == pytest.approx(0, abs=1e-3), name


def test_edges_of_the_other_direction_are_bent_too():
    def vertical(cell):
        return -direction_only(cell)

    assert reasons(vertical, np.ascontiguousarray(stripes().transpose(1, 0, 2)))["shape"] > 0.1


def test_a_detector_of_fine_noise_needs_texture_and_nothing_else():
    rng = np.random.default_rng(0)
    image = (120 + rng.integers(-4, 5, (SIZE, SIZE, 1)) + np.zeros((1, 1, 3), int)).astype(np.uint8)
    found = reasons(noise_only, image)
    assert found["texture"] > 0.5
    for name in ("hue", "saturation", "contrast", "brightness", "shape"):
        assert found[name] == pytest.approx(0, abs=1e-6), name


def test_brightness_and_contrast_apart():
    grey = np.full((SIZE, SIZE, 3), 100, np.uint8)
    grey[:, ::2] = 140  # every cell has the image's mean
    light, contrast = reasons(brightness_only, grey), reasons(contrast_only, grey)
    assert light["brightness"] == pytest.approx(0.2 * 120 / 255, abs=1e-3)  # a factor of 0.8 on a mean of 120
    assert light["contrast"] == pytest.approx(0, abs=3e-3)
    assert contrast["contrast"] == pytest.approx(0.55 * 20 / 120, abs=5e-3)  # standard deviation 20, of which .45 stays
    assert contrast["brightness"] == pytest.approx(0, abs=1e-3)
    assert light["hue"] == light["saturation"] == contrast["hue"] == contrast["saturation"] == 0


def test_no_change_has_exactly_no_importance():
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    found = prototype_reasons(network(), image, **IDLE)
    assert not found.importance.any()
    everywhere = prototype_reasons(network(), np.stack([image, image[::-1]]), everywhere=True, **IDLE)
    assert not everywhere.importance.any()
    for name in CHARACTERISTICS:
        assert ImageChanges(**IDLE).apply(image, name) is image


@pytest.mark.parametrize("name", CHARACTERISTICS)
def test_a_change_changes_its_own_characteristic(name):
    rng = np.random.default_rng(2)
    image = np.clip(red_disc().astype(int) + rng.integers(-4, 5, (SIZE, SIZE, 3)), 0, 255).astype(np.uint8)
    changed = ImageChanges().apply(image, name)
    assert changed.shape == image.shape
    assert changed.dtype == np.uint8
    before, after = image.astype(float), changed.astype(float)
    grey = np.asarray(Image.fromarray(image).convert("L")).astype(float)
    if name == "hue":
        np.testing.assert_allclose(after.max(2), before.max(2), atol=1)  # the value of HSV stays
    elif name == "saturation":
        np.testing.assert_allclose(after, grey[..., None] + 0.7 * (before - grey[..., None]), atol=1.01)
    elif name == "contrast":
        mean = round(grey.mean())
        np.testing.assert_allclose(after, mean + 0.45 * (before - mean), atol=1.5)
    elif name == "brightness":
        np.testing.assert_allclose(after, 0.8 * before, atol=1.01)
    elif name == "texture":
        inside = (slice(20, 44), slice(20, 44))
        assert after[inside].std(axis=(0, 1)).mean() < 0.5 * before[inside].std(axis=(0, 1)).mean()
        assert abs(after[32, 8:].mean(0) - before[32, 8:].mean(0)).max() < 3
    else:
        assert (after != before).any()


def test_the_wave_scales_with_the_image():
    """The same picture at twice the size is bent by twice the pixels: columns by 4/224 of the height."""
    for side in (112, 224):
        ramp = np.repeat(np.linspace(0, 255, side).round().astype(np.uint8)[:, None], side, 1)
        bent = ImageChanges().apply(np.repeat(ramp[..., None], 3, 2), "shape").astype(float)[..., 0]
        columns = np.arange(side)
        wave = 4 * side / 224 * np.sin(2 * np.pi * 0.05 * 224 / side * columns)
        middle = side // 2
        expected = (middle - wave) * 255 / (side - 1)
        np.testing.assert_allclose(bent[middle], expected, atol=1.5)
        assert ImageChanges().strengths(side, side)["shape"] == pytest.approx(4 * side / 224)


def network(seed=0, similarity="distance", groups=None):
    torch.manual_seed(seed)
    body = torch.nn.Sequential(torch.nn.Conv2d(3, 6, 8, stride=8), torch.nn.ReLU())
    return PrototypeNetwork(
        Features(body, 6, 5),
        torch.rand(4, 5),
        classes=["owl", "wren"],
        prototype_class=[0, 0, 1, 1],
        image_size=SIZE,
        similarity=similarity,
        groups=groups,
    )


@pytest.mark.parametrize("similarity", ["distance", "cosine"])
def test_local_reasons_are_differences_at_the_same_place(similarity):
    net = network(similarity=similarity)
    image = np.random.default_rng(3).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    found = prototype_reasons(net, image, batch_size=1)
    with torch.no_grad():
        before = net.similarity_maps(net.prepare(image))[0].numpy()
        for p in range(4):
            row, column = np.unravel_index(before[p].argmax(), before[p].shape)
            assert tuple(found.places[p]) == (row, column)
            for c, name in enumerate(CHARACTERISTICS):
                np.testing.assert_array_equal(found.changed[c], ImageChanges().apply(image, name))
                after = net.similarity_maps(net.prepare(found.changed[c]))[0, p, row, column].item()
                assert found.importance[p, c] == pytest.approx(before[p, row, column] - after, abs=1e-5)


def test_global_reasons_are_the_mean_weighted_by_similarity():
    net, images = network(), np.random.default_rng(4).integers(0, 256, (7, SIZE, SIZE, 3), dtype=np.uint8)
    local = [prototype_reasons(net, image) for image in images]
    weights = np.stack([each.similarities for each in local]).astype(np.float64)
    phi = np.stack([each.importance for each in local]).astype(np.float64)
    expected = (weights[:, :, None] * phi).sum(0) / weights.sum(0)[:, None]
    for batch in (1, 3, 32):
        found = prototype_reasons(net, images, everywhere=True, batch_size=batch)
        np.testing.assert_allclose(found.importance, expected, rtol=1e-4, atol=1e-5)
    assert found.everywhere
    assert found.n_images == 7
    assert found.similarities == pytest.approx((weights**2).sum(0) / weights.sum(0), rel=1e-4)


def test_images_that_are_not_seen_do_not_count():
    """Two images, one with similarity 0: the mean is the other image's own importance."""
    images = np.stack([red_disc(), np.zeros((SIZE, SIZE, 3), np.uint8)])

    def seen(cell):
        return max(0.0, hue_only(cell))

    both = prototype_reasons(Detector(seen), images, everywhere=True)
    np.testing.assert_allclose(both.importance, prototype_reasons(Detector(seen), images[0]).importance, atol=1e-6)
    nothing = prototype_reasons(Detector(seen), images[1:], everywhere=True)
    assert np.isnan(nothing.importance).all()


def test_the_network_never_sees_more_than_a_batch():
    net = Detector(hue_only)
    prototype_reasons(net, np.stack([red_disc()] * 9), everywhere=True, batch_size=4)
    assert net.largest_batch <= 4


def test_modes_of_the_network_are_restored():
    net = network().train()
    compare_prototypes(net, red_disc())
    prototype_reasons(net, red_disc())
    assert all(module.training for module in net.modules())


def test_comparison_adds_up_and_agrees_with_the_network():
    net = network()
    found = compare_prototypes(net, red_disc(), label="wren")
    with torch.no_grad():
        x = net.prepare(red_disc())
        np.testing.assert_allclose(found.logits, net(x)[0].numpy(), atol=1e-6)
        np.testing.assert_allclose(found.similarities, net.similarities(x)[0].numpy(), atol=1e-6)
    np.testing.assert_allclose(found.contributions.sum(1), found.logits, atol=1e-5)
    assert found.sum_check.holds
    assert found.label == 1
    assert found.similarity_maps.shape == (4, 8, 8)
    for p in range(4):
        row, column = found.places[p]
        assert found.similarity_maps[p, row, column] == found.similarities[p]
        assert tuple(found.boxes[p]) == (row * 8, column * 8, row * 8 + 8, column * 8 + 8)
    weights = found.weights.copy()
    weights[:, found.top(1)[0]] = 0
    with torch.no_grad(), net.switched({found.top(1)[0]: 0.0}):
        np.testing.assert_allclose(found.logits_with(weights), net(x)[0].numpy(), atol=1e-5)


@pytest.mark.parametrize("activation", ["sum", "exp"])
def test_comparison_with_groups(activation):
    net = network(groups=Groups([0, 0, 1, 1], 2, activation=activation))
    found = compare_prototypes(net, red_disc())
    assert found.sum_check.holds
    np.testing.assert_allclose(found.groups.sum(1), 1, atol=1e-6)
    if activation == "exp":
        with pytest.raises(InputError, match="linear"):
            found.logits_with(found.weights)


def test_a_broken_sum_is_said():
    found = compare_prototypes(network(), red_disc())
    broken = PrototypeComparison(**{**found.__dict__, "logits": found.logits + np.array([0, 1], np.float32)})
    assert not broken.sum_check.holds
    assert broken.sum_check.residual == pytest.approx(-1, abs=1e-4)


WHOLE = (0, 0, SIZE, SIZE)


def test_likeness_sees_structure():
    patch = stripes()
    assert likeness(patch, WHOLE, patch, WHOLE) == (pytest.approx(1), 0)
    structure, colour = likeness(patch, WHOLE, np.ascontiguousarray(patch.transpose(1, 0, 2)), WHOLE)
    assert structure < 0.2
    assert colour == 0  # the same colours, arranged otherwise


def test_structure_is_scikit_images_with_one_window():
    rng = np.random.default_rng(6)
    one, two = rng.integers(0, 256, (2, 21, 21, 3), dtype=np.uint8)
    two = ((one.astype(int) + two) // 2).astype(np.uint8)
    grey = [rgb2gray(patch) for patch in (one, two)]
    _, full = structural_similarity(*grey, win_size=21, data_range=1.0, use_sample_covariance=False, full=True)
    # Whole images leave no room to shift; the mirrored one is less alike.
    found = likeness(one, (0, 0, 21, 21), two, (0, 0, 21, 21))[0]
    assert found == pytest.approx(full[10, 10], abs=1e-6)


@pytest.mark.parametrize("mirrored", [False, True])
def test_structure_forgives_small_shifts_and_mirroring(mirrored):
    rng = np.random.default_rng(7)
    image = rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    other = image[:, ::-1] if mirrored else image
    box = (20, 20, 40, 40)
    right = (20, SIZE - 40, 40, SIZE - 20) if mirrored else box
    shifted = (right[0] - 5, right[1] + 5, right[2] - 5, right[3] + 5)
    assert likeness(image, box, other, right)[0] == pytest.approx(1)
    assert likeness(image, box, other, shifted)[0] == pytest.approx(1)
    assert likeness(image, box, other, (0, 0, 20, 20))[0] < 0.3


def test_colour_is_the_distance_in_lab():
    # Lab of sRGB red and white from the standard's own tables: ΔE between them.
    red, white = (np.full((8, 8, 3), c, np.uint8) for c in ((255, 0, 0), (255, 255, 255)))
    apart = np.linalg.norm(np.array([53.24, 80.09, 67.2]) - [100, 0, 0])
    assert likeness(red, (0, 0, 8, 8), white, (0, 0, 8, 8))[1] == pytest.approx(apart, abs=0.1)
    half = red.copy()
    half[:, 4:] = 255
    # White finds white; of the half one, the red half finds only white.
    assert likeness(half, (0, 0, 8, 8), white, (0, 0, 8, 8))[1] == pytest.approx(apart / 4, abs=0.1)


def test_patches_of_any_size_can_be_compared():
    image = np.random.default_rng(8).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    large = likeness(image, (0, 0, 150, 90), image, (0, 0, 200, 200))
    assert np.isfinite(large).all()
    assert np.isfinite(likeness(image, (3, 3, 4, 4), image, (5, 5, 6, 6))).all()
    with pytest.raises(InputError, match="empty box"):
        likeness(image, (3, 3, 3, 9), image, (0, 0, 8, 8))


TEXTURE = [0.1, 0, 0, 0, 0.1, 2.0]
HUE = [2.0, 0.1, 0, 0, 0.1, 0]
SHAPE = [0.1, 0, 0, 0, 2.0, 0]


@pytest.mark.parametrize(
    ("lost", "structure", "colour", "said"),
    [
        (TEXTURE, 0.8, 3.0, "fine texture"),
        (HUE, 0.8, 3.0, None),
        (SHAPE, 0.05, 3.0, "rests on structure"),
        (HUE, 0.05, 3.0, None),
        (HUE, 0.8, 40.0, "rests on colour"),
        (HUE, 0.35, 40.0, None),
        (SHAPE, 0.8, 40.0, None),
        (SHAPE, 0.05, 40.0, "look different"),
        (TEXTURE, np.nan, np.nan, None),
    ],
)
def test_misleading_is_where_eye_and_reason_disagree(lost, structure, colour, said):
    importance = np.array([lost], np.float32)
    found = misleading(importance, np.array([6.0]), np.array([structure]), np.array([colour]))
    assert (said is None and not found) or said in found[0]
    if said:
        assert f"{colour:.0f}" in found[0]
    # A prototype that hardly acts beside another, or that no change touches, misleads nobody.
    beside = misleading(
        np.stack([lost, lost]), np.array([6.0, 20.0]), np.array([structure, np.nan]), np.full(2, colour)
    )
    assert beside == {}
    assert misleading(0 * importance, np.array([6.0]), np.array([structure]), np.array([colour])) == {}


def test_a_texture_detector_is_flagged_where_the_patches_look_alike():
    """A planted case, whole: two rough red fields look alike, and the prototype lives on the roughness."""
    rng = np.random.default_rng(5)
    image = np.clip(np.array([190, 40, 40]) + rng.integers(-4, 5, (SIZE, SIZE, 1)), 0, 255).astype(np.uint8)
    net = Detector(noise_only)
    box = np.array([[0, 0, CELL, CELL]])
    brighter = (image[None] + 3).astype(np.uint8)
    net.sources = SimpleNamespace(image=np.array([0]), box=box, images=brighter, labels=np.array([1]))
    found = prototype_reasons(net, image)
    assert found.places.tolist() == [[0, 0]]
    assert found.structure[0] > 0.9
    assert 0 < found.colour[0] < 5
    assert "fine texture" in found.misleading[0]
    assert set(found.of(0)) == set(CHARACTERISTICS)
    assert next(iter(found.of(0))) == "texture"


def with_source(measure, source):
    """A detector whose prototype is the first cell of an image."""
    net = Detector(measure)
    box = np.array([[0, 0, CELL, CELL]])
    net.sources = SimpleNamespace(image=np.array([0]), box=box, images=source[None], labels=np.array([1]))
    return net


def test_a_hue_detector_is_flagged_where_only_the_structure_is_alike():
    """Bright and dark red squares of one drawing: the same hue and structure, another colour to the eye."""
    drawing = np.ones((SIZE, SIZE, 1))
    drawing[np.add.outer(np.arange(SIZE), np.arange(SIZE)) % 16 < 8] = 0.6
    bright, dark = ((drawing * c).astype(np.uint8) for c in ([210, 40, 40], [105, 20, 20]))
    found = prototype_reasons(with_source(hue_only, dark), bright)
    assert found.structure[0] > 0.5
    assert found.colour[0] > 14
    assert "rests on colour: changing hue" in found.misleading[0]


def test_a_shape_detector_is_flagged_where_only_the_colours_are_alike():
    """Broad stripes and fine ones of the same colours, both horizontal."""
    fine = np.zeros((SIZE, SIZE, 3), np.uint8)
    fine[:] = (60, 40, 20)
    fine[np.arange(SIZE) % 4 < 2] = (220, 160, 90)
    found = prototype_reasons(with_source(direction_only, fine), stripes())
    assert found.structure[0] < 0.2
    assert found.colour[0] == 0
    assert "rests on structure: changing shape" in found.misleading[0]
    # Its own patch, found again, misleads nobody.
    assert prototype_reasons(with_source(direction_only, stripes()), stripes()).misleading == {}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda net, image: compare_prototypes(object(), image), "prototypes"),
        (lambda net, image: compare_prototypes(net, np.stack([image, image])), "one image"),
        (lambda net, image: compare_prototypes(net, image, label="ostrich"), "ostrich"),
        (lambda net, image: compare_prototypes(net, image.astype(np.float32)), "8-bit"),
        (lambda net, image: prototype_reasons(net, image, texture=-1), "texture"),
        (lambda net, image: prototype_reasons(net, image, shape=float("nan")), "shape"),
        (lambda net, image: prototype_reasons(net, image, batch_size=0), "batch size"),
        (lambda net, image: prototype_reasons(net, [], everywhere=True), "at least one"),
        (lambda net, image: prototype_reasons(net, image).of(9), "prototype from 0 to 3"),
        (lambda net, image: prototype_reasons(net, image).get("scent"), "scent"),
    ],
)
def test_wrong_input_says_what_to_do(call, words):
    with pytest.raises(InputError, match=words):
        call(network(), red_disc())


def test_prototypes_of_text_have_no_image():
    texts = TextPrototypes(iw.load(families.build("gpt2")), "resid_post.0", classes=["a", "b"])
    with pytest.raises(InputError, match="spans of text"):
        compare_prototypes(texts, "some text")


def test_one_image_in_every_form(tmp_path):
    net, image = network(), red_disc()
    Image.fromarray(image).save(tmp_path / "red.png")
    forms = [image, image[None], Image.fromarray(image), tmp_path / "red.png", [image]]
    values = [compare_prototypes(net, form).similarities for form in forms]
    for other in values[1:]:
        np.testing.assert_array_equal(values[0], other)
    many = prototype_reasons(net, [tmp_path / "red.png", Image.fromarray(image)], everywhere=True)
    assert many.n_images == 2


def test_grey_and_transparent_pictures_are_read_as_rgb():
    net, image = network(), red_disc()
    picture = Image.fromarray(image)
    transparent = picture.copy()
    transparent.putalpha(128)
    np.testing.assert_array_equal(compare_prototypes(net, transparent).image, image)
    grey = compare_prototypes(net, picture.convert("L")).image
    assert (grey[..., :1] == grey).all()


def test_images_of_another_size_are_brought_to_the_networks():
    large = np.repeat(np.repeat(red_disc(), 3, 0), 3, 1)
    found = compare_prototypes(network(), large)
    assert found.image.shape == (SIZE, SIZE, 3)
    assert prototype_reasons(network(), large).changed.shape == (6, SIZE, SIZE, 3)


def test_a_network_of_mean_colours_needs_no_shape():
    """The real layer with its convolution: prototypes at the colours of cells, planted in a trained network's place."""
    body = torch.nn.AvgPool2d(CELL)
    red = [(c / 255 - 0.5) / 0.25 for c in (210, 40, 40)]
    net = PrototypeNetwork(
        body, [red, [-v for v in red]], classes=["red", "not"], prototype_class=[0, 1], image_size=SIZE
    )
    found = prototype_reasons(net, red_disc()).of(0)
    assert found["hue"] > 1
    assert found["shape"] == pytest.approx(0, abs=1e-3)
    assert found["texture"] == pytest.approx(0, abs=1e-3)


def test_a_model_of_ones_own_behind_the_adapter():
    net = network()
    own = adapt(
        net.backbone,
        similarity_maps=lambda x: net.similarity_maps(x),
        weights=net.weights.detach(),
        classes=net.classes,
        image_size=SIZE,
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        logits=net,
    )
    ours, theirs = compare_prototypes(net, red_disc()), compare_prototypes(own, red_disc())
    np.testing.assert_array_equal(ours.boxes, theirs.boxes)
    np.testing.assert_allclose(ours.contributions, theirs.contributions, atol=1e-6)
    np.testing.assert_allclose(
        prototype_reasons(net, red_disc()).importance, prototype_reasons(own, red_disc()).importance, atol=1e-6
    )


@pytest.fixture(scope="module")
def birds():
    """The shipped network and its own training patches."""
    if not (birdworld.folder() / "network" / "prototypes.json").exists():
        pytest.skip("the weights of birdworld are not in this tree")
    return iw.load("birdworld")


def test_a_pushed_prototype_finds_its_own_patch(birds):
    for p in range(0, birds.n_prototypes, 5):
        found = compare_prototypes(birds, birds.sources.images[p])
        assert found.sum_check.holds
        assert found.similarities[p] == pytest.approx(9.2103, abs=0.02)  # log(1 / 1e-4), at distance 0
        np.testing.assert_array_equal(found.boxes[p], birds.sources.box[p])
        reasons = prototype_reasons(birds, birds.sources.images[p])
        assert reasons.structure[p] == pytest.approx(1)
        assert reasons.colour[p] == 0


def test_reasons_of_a_trained_network_hold_together(birds):
    images = birdworld.draw(12, seed=3).images
    found = prototype_reasons(birds, images, everywhere=True, progress=False)
    assert np.isfinite(found.importance).all()
    # What a change takes away is at most all of it: the similarity is never below 0.
    assert (found.importance <= found.similarities[:, None] + 1e-4).all()
    assert np.abs(found.get("hue")).max() > 1


def test_figures():
    found = compare_prototypes(network(), red_disc())
    assert len(found.figure().data[0].x) == 4
    bars = prototype_reasons(network(), red_disc()).figure(0)
    assert list(bars.data[0].y)[::-1] == list(CHARACTERISTICS)
    assert isinstance(PrototypeReasons(np.zeros((1, 6)), np.zeros(1)).figure(0).to_json(), str)
