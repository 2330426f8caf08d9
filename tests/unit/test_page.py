import base64
import hashlib
import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpwidgets import AttentionView, InputError
from interpwidgets._core import page
from interpwidgets._core.page import Item

HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "</SCRIPT >",
    "<!--",
    "<!--<script>",
    "]]>",
    "\u2028\u2029",
    "\0\r\n",
    "&lt;b&gt;&amp;",
    "\"'`\\",
    "{policy} {0} %s $& $1",
    "‮evil",
    "👩‍👩‍👧",
]


class Reader(HTMLParser):
    """A page as a browser reads it: its elements, and the text of each script."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.scripts, self.texts = [], [], []
        self.inside = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts[-1] += data
        else:
            self.texts.append(data)

    def data(self):
        """The JSON of each widget."""

        def refuse(name):
            raise AssertionError(f"{name} is not JSON")

        kinds = [attrs.get("type") for tag, attrs in self.tags if tag == "script"]
        read = [text for text, kind in zip(self.scripts, kinds, strict=True) if kind == "application/json"]
        return [json.loads(text, parse_constant=refuse) for text in read]


def state(**more):
    return {"title": "T", "_view": {}, "_answers": [], **more}


def counts(text):
    tags = [tag for tag, _ in Reader(text).tags]
    return {tag: tags.count(tag) for tag in set(tags)}


PLAIN = page.write([Item("attention", state())], title="Plain")


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_text_in_the_state_becomes_markup(hostile):
    text = page.write([Item("attention", state(title=hostile, _view={hostile: [hostile]}))], title="Plain")
    assert counts(text) == counts(PLAIN)
    (data,) = Reader(text).data()
    assert data["state"]["title"] == hostile
    assert data["state"]["_view"] == {hostile: [hostile]}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_heading_becomes_markup(hostile):
    harmless = page.write([Item("attention", state(), heading="h", note="n")], title="t", intro="i")
    text = page.write([Item("attention", state(), heading=hostile, note=hostile)], title=hostile, intro=hostile)
    assert counts(text) == counts(harmless)
    if "\0" not in hostile:
        assert Reader(text).texts.count(hostile) >= 4


@given(st.text(st.characters(exclude_categories=[]), max_size=20))
def test_any_text_survives_the_page(token):
    """Also half a surrogate pair, which no file can hold: it is shown as the replacement character."""
    text = page.write([Item("attention", state(title=token))], title=token)
    text.encode("utf8")
    (data,) = Reader(text).data()
    pair = re.compile("([\ud800-\udbff])([\udc00-\udfff])")
    joined = pair.sub(lambda m: chr(0x10000 + ((ord(m[1]) & 0x3FF) << 10) + (ord(m[2]) & 0x3FF)), token)
    assert data["state"]["title"] == re.sub("[\ud800-\udfff]", "\ufffd", joined)


def test_safe_json_says_the_same():
    value = {"a": [1, 2.5, None, True, *HOSTILE], "b": b"bytes"}
    text = page.safe_json(value)
    assert json.loads(text) == {"a": value["a"], "b": "Ynl0ZXM="}
    assert not set("<\u2028\u2029") & set(text)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_json_cannot_say_is_no_silent_text(bad):
    with pytest.raises(ValueError, match="not JSON compliant"):
        page.safe_json({"scale": bad})


def policy(text):
    (content,) = [attrs["content"] for tag, attrs in Reader(text).tags if "http-equiv" in attrs]
    return dict(part.strip().split(" ", 1) for part in content.split(";"))


def test_the_policy_admits_one_script_by_its_hash_and_no_network():
    reader = Reader(PLAIN)
    kinds = [attrs.get("type") for tag, attrs in reader.tags if tag == "script"]
    (script,) = [text for text, kind in zip(reader.scripts, kinds, strict=True) if kind is None]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy(PLAIN) == {
        "default-src": "'none'",
        "script-src": f"'sha256-{digest}'",
        "style-src": "'unsafe-inline'",
        "img-src": "data: blob:",
    }


def test_the_policy_stands_before_everything_it_governs():
    tags = [tag if "http-equiv" not in attrs else "policy" for tag, attrs in Reader(PLAIN).tags]
    assert tags.index("policy") < min(tags.index("style"), tags.index("script"))


def test_the_written_bytes_have_the_hash(tmp_path):
    text = page.write([Item("attention", state())], tmp_path / "a.html", title="T")
    data = (tmp_path / "a.html").read_bytes()
    assert data == text.encode()
    assert b"\r" not in data


def test_no_address_outside_the_page():
    text = PLAIN.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|//cdn|@import|url\(", text)
    loading = {"src", "href", "srcset", "action", "data", "poster", "background"}
    assert not [(tag, attrs) for tag, attrs in Reader(PLAIN).tags if loading & set(attrs)]


def test_several_widgets_share_one_module():
    items = [Item("attention", state(title=str(i)), heading=f"head {i}") for i in range(3)]
    text = page.write(items, title="Three", intro="All of them.")
    reader = Reader(text)
    assert [data["state"]["title"] for data in reader.data()] == ["0", "1", "2"]
    roots = [attrs["id"] for tag, attrs in reader.tags if attrs.get("class") == "widget"]
    assert roots == [attrs["data-for"] for tag, attrs in reader.tags if "data-for" in attrs]
    assert len(set(roots)) == 3
    assert text.count(page.script_text("attention")) == 1


def test_the_export_line_is_taken_off():
    source = (page.STATIC / "attention.js").read_text("utf8")
    assert page.script_text("attention") + page.EXPORT == source.rstrip()
    assert not re.search(r"^export ", PLAIN, re.M)


def test_a_module_without_the_export_line_is_refused(tmp_path, monkeypatch):
    (tmp_path / "x.js").write_text("var widget = 1;\n")
    monkeypatch.setattr(page, "STATIC", tmp_path)
    with pytest.raises(InputError, match=r"static/x\.js to end with .*Run `make build`"):
        page.script_text("x")


def test_size_is_the_size_in_the_page():
    value = {"a": b"x" * 300, "b": ["text", 1.5]}
    assert abs(page.size(value) - len(page.safe_json(value))) <= 8


@given(st.text(max_size=30))
def test_framed_holds_the_page_as_text(text):
    _, (tag, attrs) = Reader(page.framed(text, height=200).data).tags
    assert (tag, attrs["sandbox"]) == ("iframe", "allow-scripts allow-downloads")
    assert attrs["srcdoc"] == text


# A whole view.


@pytest.mark.parametrize("values", [np.nan, np.inf, -np.inf])
def test_patterns_that_are_no_numbers_still_make_a_page(values):
    text = AttentionView.from_arrays(np.full((1, 2, 3, 3), values), ["a", "b", "c"], causal=False).to_html()
    (data,) = Reader(text).data()
    assert data["state"]["_answers"]


def test_hostile_tokens_make_a_harmless_page():
    n = len(HOSTILE)
    text = AttentionView.from_arrays(np.full((n, n), 1 / n), HOSTILE, title=HOSTILE[0]).to_html()
    assert counts(text) == counts(PLAIN)
    (data,) = Reader(text).data()
    assert data["state"]["_view"]["kinds"]["self"]["queries"]["texts"] == HOSTILE


def test_half_a_surrogate_pair_goes_live_and_into_a_file(tmp_path):
    view = AttentionView.from_arrays(np.eye(2), ["a\ud800", "\udc00"], title="\ud83d")
    json.dumps(view._view["kinds"], ensure_ascii=False).encode("utf8")
    view.to_html(tmp_path / "a.html")
    (data,) = Reader((tmp_path / "a.html").read_text("utf8")).data()
    assert data["state"]["_view"]["kinds"]["self"]["queries"]["texts"] == ["a\ufffd", "\ufffd"]
    assert data["state"]["title"] == "\ufffd"
