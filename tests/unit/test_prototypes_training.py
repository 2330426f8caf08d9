"""Training: what push promises, what the losses are, and the planted answers of the published experiments."""

import numpy as np
import pytest
import torch
from torch import nn

import interpwidgets as iw
from interpwidgets.errors import InputError
from interpwidgets.prototypes import Features, PartBackbone, fit_groups, prune, push, refit
from interpwidgets.prototypes.losses import Evidence, cluster_and_separation, coarse_labels, diversity
from interpwidgets.prototypes.similarity import CEILING

torch.set_num_threads(1)
NAMES = ("red square", "red cross", "blue square", "blue cross")


def signs(n, seed):
    """Red or blue, square or cross, somewhere in a grey picture of 32 x 32."""
    rng = np.random.default_rng(seed)
    images, labels = rng.integers(90, 130, (n, 32, 32, 3), dtype=np.uint8), rng.integers(0, 4, n)
    for image, label in zip(images, labels, strict=True):
        y, x = rng.integers(1, 20, 2)
        shape = np.ones((11, 11), bool)
        if label % 2:
            shape[:] = False
            shape[4:7] = shape[:, 4:7] = True
        image[y : y + 11, x : x + 11][shape] = (210, 40, 40) if label < 2 else (40, 60, 210)
    return images, labels


@pytest.fixture(scope="module")
def trained():
    images, labels = signs(320, 0)
    torch.manual_seed(0)
    net = iw.PrototypeNetwork.fresh(PartBackbone(10, 16), classes=NAMES, image_size=32, per_class=2)
    history = iw.fit_prototypes(
        net, images, labels, epochs=12, cluster=0.2, rate=5e-3, batch=32, push_every=6, test=signs(160, 1),
        progress=False,
    )  # fmt: skip
    return net, history, images, labels


def test_accuracy_returns_after_refit(trained):
    net, history, _images, _labels = trained
    assert list(history.accuracy) == ["before push", "after push", "after refit"]
    assert history.accuracy["after refit"] >= 0.95
    assert history.accuracy["after refit"] >= history.accuracy["after push"]
    assert history.measured_on == "test"
    x, y = signs(160, 1)
    with torch.no_grad():
        right = (net(net.prepare(x)).argmax(1).numpy() == y).mean()
    assert right == pytest.approx(history.accuracy["after refit"])
    assert not net.training
    assert "after refit" in history.summary()
    figure = history.figure()
    assert list(figure.data[-1].y) == list(history.accuracy.values())


def test_a_pushed_prototype_is_its_patch(trained):
    net, _, images, labels = trained
    sources = net.sources
    with torch.no_grad():
        x = net.prepare(images[sources.image])
        distances, maps = net.distances(x), net.similarity_maps(x)
        features = net.feature_map(x)
    for p, (row, column) in enumerate(sources.place):
        assert float(distances[p, p, row, column]) < 1e-9
        assert float(maps[p, p, row, column]) == pytest.approx(CEILING, abs=1e-4)
        torch.testing.assert_close(features[p, :, row, column], net.prototypes[p], atol=1e-6, rtol=0)
        assert labels[sources.image[p]] == net.prototype_class[p] == sources.labels[p]
        assert (sources.images[p] == images[sources.image[p]]).all()
        y0, x0, y1, x1 = sources.box[p]
        assert (y0, x0, y1, x1) == (row * 8, column * 8, row * 8 + 8, column * 8 + 8)
        assert sources.patch(p).shape == (8, 8, 3)


def test_push_takes_the_nearest_patch_of_the_own_class(trained):
    net, _, images, labels = trained
    other = iw.PrototypeNetwork(
        net.backbone, net.prototypes.detach() + 0.05 * torch.randn(net.prototypes.shape), classes=NAMES,
        prototype_class=net.prototype_class, image_size=32,
    ).eval()  # fmt: skip
    with torch.no_grad():
        z = other.feature_map(other.prepare(images)).permute(0, 2, 3, 1)
    before = other.prototypes.detach().clone()
    sources = push(other, images, labels, distinct=False)
    for p, c in enumerate(other.prototype_class):
        rows = np.flatnonzero(labels == c)
        distance = torch.cdist(before[p][None].double(), z[rows].reshape(-1, z.shape[-1]).double())[0]
        assert sources.image[p] == rows[int(distance.argmin()) // 16]


def test_two_prototypes_do_not_take_one_patch_and_duplicates_are_pruned(trained):
    net, _, images, labels = trained
    twins = net.prototypes.detach()[[0, 0, 2, 2, 4, 4, 6, 6]]
    made = iw.PrototypeNetwork(
        net.backbone, twins, classes=NAMES, prototype_class=net.prototype_class, image_size=32
    ).eval()
    push(made, images, labels)
    assert len({tuple(row) for row in np.c_[made.sources.image, made.sources.place].tolist()}) == 8
    push(made, images, labels, distinct=False)
    made.prototypes.data.copy_(twins)
    x = made.prepare(images[:5])
    before = made.similarities(x)
    assert prune(made).tolist() == [0, 2, 4, 6]
    assert made.n_prototypes == len(made.sources) == made.weights.shape[1] == 4
    assert torch.equal(made.similarities(x), before[:, ::2])


def test_refit_moves_the_last_layer_alone_and_makes_it_sparse(trained):
    net, _, images, labels = trained
    before = {name: value.clone() for name, value in net.state_dict().items()}
    refit(net, images, labels, sparsity=0.02, steps=300)
    changed = [name for name, value in net.state_dict().items() if not torch.equal(value, before[name])]
    assert changed == ["class_weights"]
    own = net.prototype_class[None] == np.arange(4)[:, None]
    after = net.weights.detach().numpy()
    assert np.abs(after[~own]).mean() < np.abs(before["class_weights"].numpy()[~own]).mean()
    net.load_state_dict(before)


def test_cluster_and_separation_by_hand():
    distance = torch.tensor([[1.0, 4.0, 2.0, 9.0], [5.0, 3.0, 7.0, 0.5]])
    seen = Evidence(-distance, distance, torch.tensor([0, 1]), torch.zeros(1))
    near, far = cluster_and_separation(seen, torch.tensor([0, 0, 1, 1]))
    assert float(near) == pytest.approx((1 + 0.5) / 2)
    assert float(far) == pytest.approx((2 + 3) / 2)


def test_diversity_is_1_for_the_same_places_and_0_for_other_ones():
    maps = torch.zeros(1, 3, 2, 2)
    maps[0, 0, 0, 0] = maps[0, 1, 0, 0] = maps[0, 2, 1, 1] = 60
    seen = Evidence(torch.zeros(1, 3), torch.zeros(1, 3), torch.zeros(1, dtype=torch.long), maps)
    owner, scale = torch.tensor([0, 0, 1]), torch.zeros(3)
    assert float(diversity(seen, owner, scale)) == pytest.approx(1)
    assert float(diversity(seen, torch.tensor([0, 1, 0]), scale)) == pytest.approx(0, abs=1e-6)
    assert float(diversity(seen, torch.tensor([0, 1, 2]), scale)) == 0


def test_labels_of_places_are_those_at_their_middle():
    labels = torch.arange(64).reshape(1, 8, 8)
    assert coarse_labels(labels, (2, 4))[0].tolist() == [[17, 19, 21, 23], [49, 51, 53, 55]]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"labels": np.zeros(7, int)}, "320 labels from 0 to 3"),
        ({"labels": np.full(320, 4)}, "from 0 to 3"),
        ({"labels": np.zeros(320, int)}, "none of 'red cross'"),
        ({"epochs": 0}, "an epoch or more"),
        ({"batch": 0}, "batch of 1"),
        ({"cluster": -1.0}, "no negative weights"),
    ],
)
def test_what_cannot_be_learnt_is_refused(trained, options, says):
    net, _, images, labels = trained
    before = net.prototypes.detach().clone()
    with pytest.raises(InputError, match=says):
        iw.fit_prototypes(net, images, options.pop("labels", labels), progress=False, **options)
    assert torch.equal(net.prototypes, before)


def test_with_a_warm_stage_the_backbone_waits():
    images, labels = signs(64, 0)
    torch.manual_seed(0)
    net = iw.PrototypeNetwork.fresh(PartBackbone(6, 8), classes=NAMES, image_size=32, per_class=1)
    backbone = {name: value.clone() for name, value in net.backbone.state_dict().items()}
    history = iw.fit_prototypes(net, images, labels, epochs=0, warm=1, refit_steps=1, progress=False)
    assert all(torch.equal(value, backbone[name]) for name, value in net.backbone.state_dict().items())
    assert [epoch["stage"] for epoch in history.epochs] == ["warm"]
    assert history.measured_on == "training"


# The two-scale experiment: fine stripes inside blobs of a coarse grid. Averaged over 8 x 8 pixels the stripes are grey.


def textures(n, seed):
    rng = np.random.default_rng(seed)
    stripes = 60 * np.where(np.arange(64) % 4 < 2, 1, -1)
    labels = rng.integers(0, 3, (n, 4, 4)).repeat(16, 1).repeat(16, 2)
    values = 120 + rng.normal(0, 8, (n, 64, 64)) + np.where(labels == 1, 60, 0) + np.where(labels == 2, stripes, 0)
    return np.repeat(values.clip(0, 255).astype(np.uint8)[..., None], 3, 3), labels


class Branches(nn.Module):
    """A fine branch on the pixels, and a coarse one that sees means of 8 x 8 pixels only."""

    def __init__(self, d=8):
        super().__init__()
        self.fine = nn.Sequential(nn.Conv2d(3, 16, 4, 4), nn.ReLU(), nn.Conv2d(16, d, 1), nn.Sigmoid())
        self.coarse = nn.Sequential(
            nn.AvgPool2d(8), nn.Conv2d(3, 16, 1), nn.ReLU(), nn.Conv2d(16, d, 1), nn.Sigmoid()
        )  # fmt: skip

    def forward(self, x):
        return [self.fine(x), self.coarse(x)]


@pytest.fixture(scope="module")
def segmented():
    images, labels = textures(40, 0)
    torch.manual_seed(0)
    net = iw.PrototypeNetwork.fresh(
        Branches(), classes=("plain", "bright", "striped"), image_size=64, per_class=2, n_scales=2
    )
    iw.fit_prototypes(net, images, labels, epochs=12, rate=1e-2, batch=8, cluster=0.2, refit_steps=200, progress=False)
    fit_groups(net, images, labels, per_class=1, steps=300, entropy=0.02)
    return net


def test_a_segmentation_by_prototypes_is_right(segmented):
    images, labels = textures(10, 1)
    with torch.no_grad():
        said = segmented.place_logits(segmented.prepare(images)).argmax(1).numpy()
    assert (said.repeat(4, 1).repeat(4, 2) == labels).mean() > 0.95


def test_the_fine_class_is_explained_by_fine_prototypes(segmented):
    mixture = segmented.groups.mixture.detach().numpy()
    np.testing.assert_allclose(mixture.sum(1), 1, atol=1e-6)
    assert (mixture >= 0).all()
    striped = mixture[segmented.groups.group_class.numpy() == 2]
    assert striped[:, segmented.prototype_scale == 0].sum() > 0.8
    for p, (label, scale) in enumerate(zip(segmented.sources.labels, segmented.prototype_scale, strict=True)):
        assert label == segmented.prototype_class[p]
        assert segmented.sources.patch(p).shape == ((4, 4, 3), (8, 8, 3))[scale]


def test_stopped_half_way_the_network_stays_usable():
    images, labels = signs(64, 0)
    net = iw.PrototypeNetwork.fresh(PartBackbone(6, 8), classes=NAMES, image_size=32, per_class=1)
    calls = []

    def stop(x):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return x

    with pytest.raises(KeyboardInterrupt):
        iw.fit_prototypes(net, images, labels, epochs=3, batch=32, change=stop, progress=False)
    assert not net.training
    push(net, images, labels)
    refit(net, images, labels, steps=5)
    assert net.sources is not None


def test_a_backbone_of_transformers_learns_with_its_add_on_layers():
    from transformers import ConvNextConfig, ConvNextModel

    images, labels = signs(48, 0)
    torch.manual_seed(0)
    body = ConvNextModel(ConvNextConfig(hidden_sizes=[8, 12], depths=[1, 1], num_stages=2))
    net = iw.PrototypeNetwork.fresh(Features(body, 12, 8), classes=NAMES, image_size=32, per_class=1)
    before = {name: value.clone() for name, value in body.state_dict().items()}
    history = iw.fit_prototypes(
        net, images, labels, warm=1, epochs=1, backbone_rate=1e-4, batch=16, refit_steps=5, progress=False
    )
    assert [epoch["stage"] for epoch in history.epochs] == ["warm", "joint"]
    assert any(not torch.equal(value, before[name]) for name, value in body.state_dict().items())
    row, column = net.sources.place[0]
    with torch.no_grad():
        maps = net.similarity_maps(net.prepare(images[net.sources.image[:1]]))
    assert float(maps[0, 0, row, column]) == pytest.approx(CEILING, abs=1e-3)
