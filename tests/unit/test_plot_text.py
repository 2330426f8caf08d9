"""No token and no label is markup in a figure, whichever view draws it."""

import pytest

import interpwidgets as iw
from interpwidgets.records.plot_text import plain
from tests.browser import gallery

DRAWN = [name for name, (_, view) in gallery.views().items() if hasattr(view, "figure")]


def test_plain_text_is_what_plotly_shows():
    assert plain("<b>a</b> & 'b'") == "&lt;b&gt;a&lt;/b&gt; &amp; 'b'"


@pytest.fixture(scope="module")
def views():
    return gallery.views()


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_holds_no_markup_of_the_texts(views, name):
    try:
        said = str(views[name][1].figure().to_dict())
    except iw.InputError:
        pytest.skip("there is nothing to draw in this state")
    for markup in ("<b>", "<i>", "<img", "<script", "<a ", "</"):
        allowed = said.replace("<extra></extra>", "")
        assert markup not in allowed
