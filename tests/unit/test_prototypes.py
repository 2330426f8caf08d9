"""The prototype network: its laws, against closed forms and torch's own functions."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import interpwidgets as iw
from interpwidgets.errors import InputError, ModelError
from interpwidgets.prototypes import Features, Groups, PartBackbone, PrototypeModel, Sources, adapt, read_maps
from interpwidgets.prototypes.similarity import CEILING, cosine_similarity, log_similarity, squared_distances

CLASSES = ("owl", "wren", "finch")


class Pooled(nn.Module):
    """A backbone one can do by hand: mean colour of each 8 x 8 block."""

    def forward(self, x):
        return nn.functional.avg_pool2d(x, 8)


class TwoScales(nn.Module):
    def forward(self, x):
        return [nn.functional.avg_pool2d(x, 8), nn.functional.avg_pool2d(x, 16)]


def pictures(n=4, size=32, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), dtype=np.uint8)


def small(**options):
    settings = {"classes": CLASSES, "prototype_class": [0, 0, 1, 1, 2, 2], "image_size": 32} | options
    torch.manual_seed(0)
    return iw.PrototypeNetwork(Pooled(), torch.rand(6, 3), **settings).eval()


def test_distance_by_convolution_is_cdist():
    z, p = torch.randn(3, 20, 5, 7), torch.randn(11, 20)
    flat = z.permute(0, 2, 3, 1).reshape(-1, 20)
    expected = torch.cdist(flat.double(), p.double()).square().reshape(3, 5, 7, 11).permute(0, 3, 1, 2)
    torch.testing.assert_close(squared_distances(z, p).double(), expected, atol=1e-6, rtol=1e-6)


def test_a_prototype_that_is_a_patch_has_distance_0_and_similarity_9_2103():
    z = 30 * torch.randn(2, 64, 4, 4)  # far from the origin, where the three terms cancel worst
    distance = squared_distances(z.double(), z[1, :, 2, 3].double()[None])
    assert float(distance[1, 0, 2, 3]) <= 1e-10
    assert float(log_similarity(squared_distances(z, z[1, :, 2, 3][None]))[1, 0, 2, 3]) == pytest.approx(
        9.2103, abs=1e-4
    )
    assert pytest.approx(math.log(1e4)) == CEILING
    assert float(log_similarity(torch.tensor(3.0))) == pytest.approx(math.log(4 / 3.0001), abs=1e-6)


def test_cosine_is_the_cosine():
    z, p = torch.randn(2, 8, 3, 3), torch.randn(5, 8)
    expected = nn.functional.cosine_similarity(z[:, None], p[None, :, :, None, None], dim=2)
    torch.testing.assert_close(cosine_similarity(z, p), expected, atol=1e-6, rtol=1e-5)
    assert float(cosine_similarity(torch.zeros(1, 8, 1, 1), p).abs().max()) == 0


@pytest.mark.parametrize("similarity", ["distance", "cosine"])
def test_logits_are_similarities_times_weights_and_contributions_add_up(similarity):
    net = small(similarity=similarity)
    x = net.prepare(pictures())
    with torch.no_grad():
        maps = net.similarity_maps(x).numpy()
        logits, parts = net(x).numpy(), net.contributions(x).numpy()
    weights = net.weights.detach().numpy()
    by_hand = np.einsum("np,cp->nc", maps.max((2, 3)).astype(np.float64), weights.astype(np.float64))
    np.testing.assert_allclose(logits, by_hand, atol=2e-6)
    np.testing.assert_allclose(parts.sum(2), logits, atol=2e-6)
    assert weights[1].tolist() == [-0.5, -0.5, 1, 1, -0.5, -0.5]


def test_similarity_by_hand_on_mean_colours():
    red = np.zeros((1, 32, 32, 3), np.uint8)
    red[:, 8:16, 16:24] = (255, 0, 0)
    # One prototype is exactly the red block after normalisation by mean .5 and std .25.
    net = iw.PrototypeNetwork(
        Pooled(), [[2.0, -2.0, -2.0], [2.0, 2.0, 2.0]], classes=("red", "white"), prototype_class=[0, 1], image_size=32
    )
    maps = net.similarity_maps(net.prepare(red))[0].detach().numpy()
    assert np.unravel_index(maps[0].argmax(), (4, 4)) == (1, 2)
    assert maps[0, 1, 2] == pytest.approx(CEILING, abs=1e-5)
    assert maps[0, 0, 0] == pytest.approx(math.log(17 / 16.0001), abs=1e-6)  # black: 4² from red
    assert net.place_box((1, 2)) == (8, 16, 16, 24)
    assert int(net(net.prepare(red)).argmax()) == 0


def test_a_box_covers_every_pixel_once_also_when_it_does_not_divide():
    net = small()
    seen = np.zeros((32, 32), int)
    for row in range(5):
        for column in range(3):
            y0, x0, y1, x1 = net.place_box((row, column), (5, 3))
            seen[y0:y1, x0:x1] += 1
    assert (seen == 1).all()


def test_images_come_in_many_forms(tmp_path):
    net, images = small(), pictures(2)
    path = tmp_path / "bird.png"
    Image.fromarray(images[0]).save(path)
    expected = net.prepare(images)[:1]
    for form in (images[0], [images[0]], Image.fromarray(images[0]), path, [str(path)]):
        assert torch.equal(net.prepare(form), expected)
    by_hand = (images[0].transpose(2, 0, 1) / 255 - 0.5) / 0.25
    np.testing.assert_allclose(expected[0].numpy(), by_hand, atol=1e-5)
    assert net.prepare(pictures(1, size=50)).shape == (1, 3, 32, 32)


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (np.zeros((2, 32, 32, 3)), "uint8"),
        (np.zeros((2, 32, 32, 4), np.uint8), "height, width, 3"),
        ([], "at least one image"),
        ("nowhere.png", "image file"),
        (7, "images"),
    ],
)
def test_what_is_no_image_is_refused(images, says):
    with pytest.raises(InputError, match=says):
        small().prepare(images)


def test_switching_off_is_undone():
    net = small()
    x = net.prepare(pictures())
    with torch.no_grad():
        plain, parts = net(x), net.contributions(x)
        with net.switched({0: 0.0, 3: 2.0}):
            changed = net(x)
            assert float(net.weights[:, 0].abs().max()) == 0
        expected = plain - parts[:, :, 0] + parts[:, :, 3]
        torch.testing.assert_close(changed, expected, atol=2e-6, rtol=0)
        with pytest.raises(RuntimeError), net.switched({1: 0.0}):
            raise RuntimeError
        assert torch.equal(net(x), plain)
        torch.testing.assert_close(net.logits(x, weights=torch.zeros(3, 6)), torch.zeros(4, 3))
    with pytest.raises(InputError, match="prototypes from 0 to 5"), net.switched({6: 0.0}):
        pass


def test_two_scales_share_one_grid_and_keep_their_maxima():
    net = iw.PrototypeNetwork(
        TwoScales(), torch.rand(6, 3), classes=CLASSES, prototype_class=[0, 1, 2, 0, 1, 2], image_size=32,
        scales=[0, 0, 0, 1, 1, 1],
    )  # fmt: skip
    x = net.prepare(pictures())
    fine, coarse = net.feature_maps(x)
    maps = net.similarity_maps(x)
    assert maps.shape == (4, 6, 4, 4)
    own = log_similarity(squared_distances(coarse, net.prototypes[3:]))
    torch.testing.assert_close(maps[:, 3:], own.repeat_interleave(2, 2).repeat_interleave(2, 3))
    torch.testing.assert_close(net.similarities(x)[:, 3:], own.amax((2, 3)))
    torch.testing.assert_close(maps[:, :3], log_similarity(squared_distances(fine, net.prototypes[:3])))
    assert net.place_box((1, 1)) == (8, 8, 16, 16)
    assert net.place_box((1, 1), (2, 2)) == (16, 16, 32, 32)


@pytest.mark.parametrize("activation", ["sum", "exp"])
def test_group_mixtures_lie_on_the_simplex_and_contributions_add_up(activation):
    owner = [0, 0, 0, 1, 1, 2]
    groups = Groups(owner, 3, per_class=2, activation=activation, seed=1)
    with torch.no_grad():
        groups.scores.normal_(0, 3)
    mixture = groups.mixture.detach().numpy()
    assert (mixture >= 0).all()
    np.testing.assert_allclose(mixture.sum(1), 1, atol=1e-6)
    for g, c in enumerate([0, 0, 1, 1, 2, 2]):
        assert mixture[g, np.array(owner) != c].sum() == 0
    torch.manual_seed(0)
    net = iw.PrototypeNetwork(
        Pooled(), torch.rand(6, 3), classes=CLASSES, prototype_class=owner, image_size=32, groups=groups
    )
    x = net.prepare(pictures())
    with torch.no_grad():
        values = net.similarities(x).numpy()
        level = values @ mixture.T
        by_hand = (level if activation == "sum" else np.exp(level)) @ groups.class_weights.numpy().T
        np.testing.assert_allclose(net(x).numpy(), by_hand, rtol=2e-5)
        np.testing.assert_allclose(net.contributions(x).sum(2).numpy(), by_hand, rtol=2e-5)
        with net.switched({0: 0.0}):
            level = (values * [0, 1, 1, 1, 1, 1]) @ mixture.T
            by_hand = (level if activation == "sum" else np.exp(level)) @ groups.class_weights.numpy().T
            np.testing.assert_allclose(net(x).numpy(), by_hand, rtol=2e-5)
    if activation == "sum":
        np.testing.assert_allclose(values @ net.weights.detach().numpy().T, net(x).detach().numpy(), rtol=2e-5)
    else:
        with pytest.raises(ModelError, match="linear"):
            _ = net.weights


def test_a_group_without_members_is_refused():
    with pytest.raises(InputError, match="none of class 2"):
        Groups([0, 1], 3)
    with pytest.raises(InputError, match="groups over 6"):
        small(groups=Groups([0, 1, 2], 3))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"classes": ("owl", "owl", "wren")}, "different class names"),
        ({"prototype_class": [0, 0, 1]}, "6 whole numbers"),
        ({"prototype_class": [0, 0, 1, 1, 2, 3]}, "from 0 to 2"),
        ({"weights": np.ones((6, 3))}, r"weights of shape \[3, 6\]"),
        ({"weights": np.full((3, 6), np.nan)}, "finite"),
        ({"similarity": "dot"}, "distance, cosine"),
        ({"image_size": 0}, "pixels"),
        ({"std": (1.0, 1.0)}, "std of shape"),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(options, says):
    with pytest.raises(InputError, match=says):
        small(**options)


def test_a_batch_of_another_shape_and_a_backbone_of_another_width_are_named():
    with pytest.raises(InputError, match="Prepare images first"):
        small()(torch.zeros(1, 3, 16, 16))
    with pytest.raises(InputError, match="batch of shape"):
        small()(pictures())
    net = iw.PrototypeNetwork(
        Pooled(), torch.rand(6, 5), classes=CLASSES, prototype_class=[0, 0, 1, 1, 2, 2], image_size=32
    )
    with pytest.raises(ModelError, match="Features"):
        net(net.prepare(pictures()))


def test_saved_and_loaded_it_is_the_same(tmp_path):
    torch.manual_seed(0)
    net = iw.PrototypeNetwork.fresh(PartBackbone(8, 16), classes=CLASSES, image_size=32, per_class=2).eval()
    net.sources = Sources(
        np.arange(6), np.zeros((6, 2), int), np.tile([0, 0, 8, 8], (6, 1)), net.prototype_class, pictures(6)
    )
    with torch.no_grad():
        net.class_weights.normal_()
        x = net.prepare(pictures())
        read = iw.PrototypeNetwork.load(net.save(tmp_path / "net"))
        torch.testing.assert_close(read(x), net(x), atol=1e-5, rtol=1e-5)
    assert torch.equal(read.prototypes, net.prototypes)
    assert read.classes == net.classes
    assert (read.sources.images == net.sources.images).all()
    assert not list(tmp_path.rglob("*.pt"))
    (tmp_path / "net" / "prototypes.json").write_text("{}")
    with pytest.raises(InputError, match="version"):
        iw.PrototypeNetwork.load(tmp_path / "net")
    with pytest.raises(InputError, match=r"prototypes\.json"):
        iw.PrototypeNetwork.load(tmp_path)


def test_another_backbone_must_be_given_to_load(tmp_path):
    net = small()
    net.save(tmp_path)
    with pytest.raises(InputError, match="backbone="):
        iw.PrototypeNetwork.load(tmp_path)
    x = net.prepare(pictures())
    assert torch.equal(iw.PrototypeNetwork.load(tmp_path, backbone=Pooled())(x), net(x))
    with pytest.raises(InputError, match="belong together"):
        iw.PrototypeNetwork.load(tmp_path, backbone=PartBackbone())


def test_a_place_of_the_part_backbone_sees_its_receptive_field_and_no_more():
    net = iw.PrototypeNetwork.fresh(PartBackbone(), classes=CLASSES, image_size=64, receptive_field=21).eval()
    x = net.prepare(pictures(1, 64)).requires_grad_()
    net.feature_map(x)[0, :, 3, 4].sum().backward()
    rows, columns = (np.flatnonzero(x.grad.abs().sum((0, 1, axis)).numpy()) for axis in (3, 2))
    y0, x0, y1, x1 = net.receptive_box((3, 4))
    assert y0 <= rows.min()
    assert rows.max() < y1
    assert x0 <= columns.min()
    assert columns.max() < x1
    assert (y1 - y0) - (rows.max() + 1 - rows.min()) <= 2
    with pytest.raises(ModelError, match="receptive field"):
        small().receptive_box((0, 0))


def resnet():
    from transformers import ResNetConfig, ResNetModel

    return ResNetModel(ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")), 16


def convnext():
    from transformers import ConvNextConfig, ConvNextModel

    return ConvNextModel(ConvNextConfig(hidden_sizes=[8, 12], depths=[1, 1], num_stages=2)), 12


def vit():
    from transformers import ViTConfig, ViTModel

    config = ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=32, patch_size=8
    )
    return ViTModel(config), 16


@pytest.mark.parametrize("family", [resnet, convnext, vit], ids=lambda f: f.__name__)
def test_any_backbone_of_transformers_serves(family):
    model, width = family()
    net = iw.PrototypeNetwork.fresh(Features(model, width, 10), classes=CLASSES, image_size=32, per_class=2).eval()
    x = net.prepare(pictures())
    with torch.no_grad():
        maps = net.similarity_maps(x)
        assert maps.shape[:2] == (4, 6)
        assert maps.shape[2] == maps.shape[3] > 0
        torch.testing.assert_close(net.contributions(x).sum(2), net(x), atol=2e-6, rtol=2e-6)
    assert isinstance(net, PrototypeModel)
    with pytest.raises(ModelError, match="channels"):
        Features(model, width + 1, 10)(x)


def test_patches_of_a_transformer_keep_their_places():
    tokens = torch.arange(10.0)[None, :, None].expand(1, 10, 4)  # one class token, then 3 x 3 patches
    (found,) = read_maps(SimpleNamespace(last_hidden_state=tokens))
    assert found[0, 0].tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert [m.shape for m in read_maps({"a": torch.zeros(1, 2, 3, 3), "b": torch.zeros(1, 2, 1, 1)})] == [
        (1, 2, 3, 3), (1, 2, 1, 1),
    ]  # fmt: skip
    with pytest.raises(ModelError, match="feature maps"):
        read_maps("no map")


class OldStyle(nn.Module):
    """A ProtoPNet as people have it: distances inside, min-pooling, a last layer without bias."""

    def __init__(self):
        super().__init__()
        self.vectors = nn.Parameter(torch.rand(4, 3, 1, 1))
        self.last_layer = nn.Linear(4, 2, bias=False)

    def distances(self, x):
        z = nn.functional.avg_pool2d(x, 8)
        return torch.stack([((z - v) ** 2).sum(1) for v in self.vectors], 1)

    def forward(self, x):
        lowest = self.distances(x).amin((2, 3))
        return self.last_layer(torch.log((lowest + 1) / (lowest + 1e-4))), lowest


def test_a_model_of_your_own_is_adapted_and_checked():
    torch.manual_seed(0)
    model = OldStyle()
    settings = {
        "similarity_maps": lambda x: log_similarity(model.distances(x)), "weights": model.last_layer.weight,
        "classes": ("a", "b"), "image_size": 32, "logits": lambda x: model(x)[0],
    }  # fmt: skip
    net = adapt(model, **settings)
    assert isinstance(net, PrototypeModel)
    assert net.prototype_class.tolist() == model.last_layer.weight.argmax(0).tolist()
    x = net.prepare(pictures())
    with torch.no_grad():
        torch.testing.assert_close(net.similarities(x) @ net.weights.T, model(x)[0], atol=1e-5, rtol=1e-5)
    assert net.place_box((0, 1), (4, 4)) == (0, 8, 8, 16)
    with pytest.raises(ModelError, match="weighted sum"):
        adapt(model, **settings | {"similarity_maps": lambda x: -model.distances(x)})
    with pytest.raises(ModelError, match="before the maximum"):
        adapt(model, **settings | {"similarity_maps": lambda x: model(x)[1]})
    with pytest.raises(InputError, match="weights"):
        adapt(model, **settings | {"weights": torch.ones(3, 4)})


def test_saved_without_images_it_asks_for_them(tmp_path):
    net = iw.PrototypeNetwork.fresh(PartBackbone(4, 6), classes=CLASSES, image_size=32, per_class=1).eval()
    training = pictures(9)
    places = np.zeros((3, 2), int)
    net.sources = Sources(
        np.array([8, 0, 4]), places, np.tile([0, 0, 8, 8], (3, 1)), net.prototype_class, training[[8, 0, 4]]
    )
    net.save(tmp_path, images=False)
    with pytest.raises(InputError, match="training images"):
        iw.PrototypeNetwork.load(tmp_path)
    for given in (training, lambda rows: training[rows]):
        assert (iw.PrototypeNetwork.load(tmp_path, images=given).sources.images == net.sources.images).all()
