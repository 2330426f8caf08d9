import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpwidgets import errors
from interpwidgets.errors import InputError, InterpError, MissingExtraError, ModelError, OutOfMemoryError

KINDS = [InterpError, InputError, ModelError, MissingExtraError, OutOfMemoryError]


@pytest.mark.parametrize("kind", KINDS)
def test_the_sentence_has_its_three_parts(kind):
    error = kind(expected="a layer from 0 to 3", got="layer 7", fix="Choose one of lm.layers.")
    assert str(error) == "expected a layer from 0 to 3, got layer 7. Choose one of lm.layers."
    assert (error.expected, error.got, error.fix) == ("a layer from 0 to 3", "layer 7", "Choose one of lm.layers.")


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [(InputError, ValueError), (ModelError, RuntimeError), (MissingExtraError, ImportError),
     (OutOfMemoryError, MemoryError)],
)  # fmt: skip
def test_each_kind_is_caught_as_ours_and_as_the_builtin(kind, builtin):
    assert issubclass(kind, InterpError)
    assert issubclass(kind, builtin)


def test_every_kind_is_tested_here():
    ours = {v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, InterpError)}
    assert ours == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
@given(parts=st.tuples(st.text(), st.text(), st.text()))
def test_it_survives_another_process(kind, parts):
    error = kind(expected=parts[0], got=parts[1], fix=parts[2])
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is kind
        assert (again.expected, again.got, again.fix, str(again)) == (*parts, str(error))


def test_the_parts_are_keywords():
    with pytest.raises(TypeError):
        InputError("a", "b", "c")
