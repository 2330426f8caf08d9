import base64
import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from interpwidgets import InputError
from interpwidgets._core.wire import DTYPES, pack, split_buffers, to_text, unpack, well_formed

SIZES = {"uint8": 1, "uint16": 2, "uint32": 4, "int8": 1, "int16": 2, "int32": 4, "float32": 4, "float64": 8}
shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6)


@given(data=st.data(), name=st.sampled_from(DTYPES), deflate=st.booleans(), order=st.sampled_from("<>"))
def test_what_is_packed_comes_back(data, name, deflate, order):
    array = data.draw(hnp.arrays(np.dtype(name).newbyteorder(order), shapes))
    wire = pack(array, deflate=deflate)
    raw = zlib.decompress(wire["data"]) if wire["codec"] == "deflate" else wire["data"]
    assert wire["dtype"] == name
    assert len(raw) == SIZES[name] * array.size
    back = unpack(wire)
    assert back.shape == array.shape
    assert back.dtype == np.dtype(name).newbyteorder("<")
    np.testing.assert_array_equal(back, array)
    json.dumps({**wire, "data": 0})


def test_the_bytes_are_little_endian():
    assert pack(np.array([1, 258], ">u2"))["data"] == b"\x01\x00\x02\x01"


@pytest.mark.parametrize("view", [lambda a: a.T, lambda a: a[::2, ::-1], lambda a: np.asfortranarray(a)])
def test_views_that_are_not_contiguous_keep_their_order(view):
    array = view(np.arange(24, dtype=np.int16).reshape(4, 6))
    assert unpack(pack(array)).tolist() == array.tolist()


def test_repetition_is_deflated_and_small_data_is_not():
    assert len(pack(np.zeros(100_000, np.uint8))["data"]) < 500
    assert pack(np.zeros(64, np.uint8))["codec"] == "raw"
    assert pack(np.zeros(65, np.uint8))["codec"] == "deflate"
    assert pack(np.zeros(65, np.uint8), deflate=False)["codec"] == "raw"


@pytest.mark.parametrize("dtype", ["int64", "uint64", "float16", "bool", "complex64", "object", "U3", "M8[s]"])
def test_what_a_page_cannot_read_is_refused(dtype):
    with pytest.raises(InputError, match=r"one of uint8, .*float64, got .*Convert it first"):
        pack(np.zeros(2, dtype))


def walk(node):
    if isinstance(node, dict):
        for child in node.values():
            yield from walk(child)
    elif isinstance(node, list | tuple):
        for child in node:
            yield from walk(child)
    else:
        yield node


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children) | st.tuples(children, children),
)


@given(trees)
def test_split_buffers_takes_out_every_byte_in_order(tree):
    rest, buffers = split_buffers(tree)
    assert buffers == [leaf for leaf in walk(tree) if isinstance(leaf, bytes)]
    numbered = iter(range(len(buffers)))
    want = [next(numbered) if isinstance(leaf, bytes) else leaf for leaf in walk(tree)]
    assert list(walk(rest)) == want
    json.dumps(rest)


@given(trees)
def test_to_text_writes_bytes_as_base64(tree):
    want = [base64.b64encode(leaf).decode() if isinstance(leaf, bytes) else leaf for leaf in walk(tree)]
    assert list(walk(to_text(tree))) == want


def test_neither_changes_its_argument():
    tree = {"a": [b"x", {"b": b"y"}]}
    split_buffers(tree)
    to_text(tree)
    assert tree == {"a": [b"x", {"b": b"y"}]}


@given(st.text())
def test_good_text_is_left_alone(text):
    assert well_formed(text) == text


def test_half_a_pair_becomes_the_replacement_character():
    assert well_formed("a\ud83d b\ude00") == "a\ufffd b\ufffd"
    assert well_formed("\ud83d\ude00") == "😀"
