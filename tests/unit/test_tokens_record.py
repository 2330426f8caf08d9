import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpwidgets import InputError, Tokens


@given(texts=st.lists(st.text()))
def test_texts_are_kept_exactly(texts):
    tokens = Tokens.of(texts)
    assert list(tokens.texts) == texts
    assert len(tokens) == len(texts)
    assert tokens.special.tolist() == [False] * len(texts)
    assert tokens.ids is None
    assert Tokens.of(tokens) is tokens


def test_any_iterable_of_strings_will_do():
    assert Tokens.of(t for t in ("a", " b")).texts == ("a", " b")


def test_a_string_is_not_a_list_of_tokens():
    with pytest.raises(InputError, match=r"got the one string 'Mary and Tom'. Pass a list"):
        Tokens.of("Mary and Tom")


@pytest.mark.parametrize(
    ("bad", "said"), [(["a", 7], "int at position 1"), ([b"a"], "bytes at position 0"), ([None], "NoneType")]
)
def test_what_is_not_a_string_is_refused_with_its_place(bad, said):
    with pytest.raises(InputError, match=said):
        Tokens.of(bad)


@pytest.mark.parametrize("name", ["ids", "special"])
@pytest.mark.parametrize("shape", [(2,), (4,), (3, 1)])
def test_arrays_have_one_entry_for_each_token(name, shape):
    values = np.zeros(shape, dtype=bool if name == "special" else np.int64)
    message = re.escape(f"expected {name} with one entry for each of the 3 tokens, got shape {list(shape)}")
    with pytest.raises(InputError, match=message):
        Tokens(("a", "b", "c"), **{name: values})


def test_no_tokens_have_no_special_ones():
    with pytest.raises(InputError, match="0 tokens"):
        Tokens((), special=np.ones(1, dtype=bool))


@pytest.mark.parametrize(("n", "start", "fits"), [(6, 0, True), (7, 1, True), (6, 1, False), (5, 0, False)])
def test_a_grid_needs_its_patches(n, start, fits):
    texts = tuple("abcdefgh"[:n])
    if fits:
        assert Tokens(texts, grid=(2, 3), grid_start=start).grid == (2, 3)
    else:
        with pytest.raises(InputError, match=f"at least {start + 6} tokens for a grid of 2 x 3"):
            Tokens(texts, grid=(2, 3), grid_start=start)


def test_it_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Tokens(("a",)).texts = ("b",)


def test_two_records_do_not_share_their_special_array():
    first, second = Tokens(("a",)), Tokens(("a",))
    first.special[0] = True
    assert not second.special[0]


def test_indices_with_and_without_the_leading_space():
    tokens = Tokens.of(["Tom", " Tom", "\nTom", "Tomm", " tom"])
    assert list(tokens.indices("Tom")) == [0, 1, 2]
    assert list(tokens.indices(" Tom")) == [1]
    assert list(tokens.indices("Mary")) == []
