import re

import numpy as np
import pytest
import traitlets

import interpwidgets as iw
from interpwidgets import AttentionView, ExemplarView, InputError, PrototypeView, link
from interpwidgets._core.widget import Widget, module
from interpwidgets.widgets.link import SHARED
from interpwidgets.worlds import birdworld


class Strip(Widget):
    _name = "attention"
    _esm = module("attention")
    position = traitlets.Int(0).tag(sync=True)
    feature = traitlets.Int(0).tag(sync=True)


class Other(Widget):
    _name = "attention"
    _esm = module("attention")


def view(layers=2, heads=3, n=4, **traits):
    return AttentionView.from_arrays(np.full((layers, heads, n, n), 1 / n), [f"t{i}" for i in range(n)], **traits)


def selection(widget):
    return {name: getattr(widget, name) for name in SHARED if widget.has_trait(name)}


def test_the_first_gives_the_starting_values():
    first, second = view(layer=1, head=2, query=3), view(key=1)
    link(first, second)
    assert selection(second) == selection(first) == {"layer": 1, "head": 2, "query": 3, "key": None}


def test_all_follow_any():
    views = [view() for _ in range(3)]
    link(*views)
    views[2].head = 2
    views[1].query = -1
    views[0].layer = 1
    views[0].key = 0
    want = {"layer": 1, "head": 2, "query": 3, "key": 0}
    assert [selection(v) for v in views] == [want] * 3


def test_what_is_not_a_selection_stays_apart():
    first, second = view(), view()
    link(first, second)
    first.title, first.overview, first.direction = "mine", True, "looked_at_by"
    assert (second.title, second.overview, second.direction) == ("Attention", False, "looks_at")


def test_unlink_takes_it_apart():
    first, second = view(), view()
    made = link(first, second)
    assert len(made) == 4
    for one in made:
        one.unlink()
    first.head = 2
    assert second.head == 0


def test_the_token_looked_at_is_an_attention_views_query():
    heads, strip, more = view(query=1), Strip(), view()
    made = link(heads, strip, more)
    assert (strip.position, more.query) == (1, 1)
    strip.position = 2
    assert (heads.query, more.query) == (2, 2)
    more.query = -1
    assert (heads.query, strip.position) == (3, 3)
    assert len([one for one in made if "query" in repr(one)]) == 2  # once each, not by both names


def test_a_view_that_always_looks_somewhere_stays_there():
    heads, strip = view(query=1), Strip()
    link(heads, strip)
    heads.query = None
    assert strip.position == 1
    strip.position = 0
    assert heads.query == 0


def test_a_trait_of_the_same_name_and_another_kind_is_left_alone():
    class Search(Strip):
        query = traitlets.Unicode("words").tag(sync=True)

    heads, search = view(query=1), Search()
    link(heads, search)
    assert (search.query, search.position) == ("words", 1)


def test_views_share_what_they_both_have():
    first, second, heads = Strip(), Strip(), view(n=8)
    assert len(link(first, heads, second)) == 3
    second.position, second.feature = 5, 6
    assert (first.position, first.feature) == (5, 6)


def test_a_view_that_refuses_is_not_half_linked():
    long, short = view(n=6, query=5), view(n=4)
    with pytest.raises(InputError, match="expected a query position from 0 to 3, got 5"):
        link(long, short)
    long.head = 1
    assert (short.head, short.query) == (0, None)
    short.layer = 1
    assert long.layer == 0


@pytest.mark.parametrize(
    ("views", "said"),
    [
        (lambda: (), "got 0 views"),
        (lambda: (view(),), "got 1 views"),
        (lambda: (view(), "view"), "got str"),
        (
            lambda: (view(), Other()),
            "views that share one of layer, head, query, key, position, feature, image, prototype, got Attention",
        ),
    ],
)
def test_what_cannot_be_linked_is_refused(views, said):
    with pytest.raises(InputError, match=re.escape(said)):
        link(*views())


def test_browser_feature_view_attention_and_lens_are_one():
    import interpwidgets as iw
    from interpwidgets.dictionaries import Identity

    lm = iw.load("storyworld")
    text = "Mary went to the park."
    trace, neurons = lm.trace(text), Identity(128, site_in="resid_post.1")
    index = iw.build_index(lm, neurons, [text], progress=False)
    browser, features = iw.FeatureBrowser(index, feature=3), iw.FeatureView(trace, neurons)
    heads, lens = iw.AttentionView(trace), iw.LensView(trace)
    link(browser, features, heads, lens)
    assert features.feature == 3
    features.feature = 7
    assert browser.feature == 7
    features.position = 2
    assert (heads.query, lens.position) == (2, 2)
    heads.query = 4
    assert (features.position, lens.position) == (4, 4)


def test_a_prototype_is_a_unit_of_a_gallery():
    birds = iw.load("birdworld")
    images = birdworld.draw(4, seed=1).images
    view, gallery = PrototypeView(birds, images), ExemplarView(iw.prototype_exemplars(birds, images, k=2))
    link(view, gallery)
    gallery.unit = 5
    assert view.prototype == 5
    view.prototype, view.image = 7, 2
    assert (gallery.unit, gallery.image) == (7, 2)
