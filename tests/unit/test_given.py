"""What is no trace, no model or no layer is refused in one sentence wherever an analysis takes one."""

from __future__ import annotations

import re

import numpy as np
import pytest

import interpwidgets as iw
from tests.unit import families


@pytest.fixture(scope="module")
def lm():
    return iw.load(families.build("gpt2"))


@pytest.fixture(scope="module")
def trace(lm):
    return lm.trace(families.example("gpt2", 6))


@pytest.mark.parametrize(
    "ask",
    [
        iw.token_values,
        iw.lens,
        iw.logit_attribution,
        lambda given: iw.head_sources(given, 0, 0),
        lambda given: iw.clamp_neuron(given, 0, 0, 1.0),
    ],
    ids=["token_values", "lens", "logit_attribution", "head_sources", "clamp_neuron"],
)
def test_a_text_is_no_trace(ask):
    with pytest.raises(iw.InputError, match=re.escape("expected a trace, got str. Make one with lm.trace(text).")):
        ask("Mary and Tom")


@pytest.mark.parametrize(
    "ask",
    [
        lambda given: iw.vector_scores(given, np.zeros(32)),
        lambda given: iw.neurons(given, progress=False),
        lambda given: iw.generation_trace(given, [1, 2]),
        lambda given: iw.fit_tuned_lens(given, [[1, 2]]),
        iw.load_tuned_lens,
    ],
    ids=["vector_scores", "neurons", "generation_trace", "fit_tuned_lens", "load_tuned_lens"],
)
def test_the_model_of_another_library_is_to_be_loaded_first(ask):
    with pytest.raises(
        iw.InputError, match=r"expected a model that iw\.load returned, got GPT2LMHeadModel\. Write lm ="
    ):
        ask(families.build("gpt2"))


@pytest.mark.parametrize("layer", [3, -4, "1", 1.0, None, True])
@pytest.mark.parametrize("ask", ["head_sources", "clamp_neuron", "neurons"])
def test_a_layer_that_does_not_exist_is_said_as_it_was_written(lm, trace, ask, layer):
    asks = {
        "head_sources": lambda: iw.head_sources(trace, layer, 0),
        "clamp_neuron": lambda: iw.clamp_neuron(trace, layer, 0, 1.0),
        "neurons": lambda: iw.neurons(lm, layers=[layer], progress=False),
    }
    with pytest.raises(iw.InputError, match=re.escape(f"expected a layer from 0 to 2, got {layer!r}.")):
        asks[ask]()


def test_other_wrong_arguments_say_what_to_write(lm, trace):
    tokens = list("abc")
    for wrong, said in (
        (lambda: iw.clamp_neuron(trace, 0, 0, "3"), "expected a finite value, got '3'"),
        (lambda: iw.clamp_neuron(trace, 0, 0, 1.0, positions=2), "got 2. Write positions=[2]."),
        (lambda: iw.neurons(lm, layers=1, progress=False), "got 1. Write layers=[1]."),
        (lambda: iw.lens(trace, lens="tuned"), "expected lens as translators of a tuned lens, got str"),
        (lambda: iw.lens(trace, top=True), "got True"),
        (lambda: iw.generation_trace(lm, [1, 2], temperature="hot"), "expected a temperature from 0, got 'hot'"),
        (lambda: iw.TokenView(3, [1.0]), "expected a trace, a Tokens or a list of token strings, got int"),
        (lambda: iw.TokenView(tokens, [1, 2, 3], units=3), "expected units as a string"),
        (lambda: iw.TokenView(tokens, {"a": [1, 2, 3]}, units={"a": 3}), "expected units as a string"),
    ):
        with pytest.raises(iw.InputError, match=re.escape(said)):
            wrong()


def test_a_headless_model_is_to_be_loaded_with_its_head():
    headless = iw.load(families.build("gpt2").transformer)
    with pytest.raises(iw.ModelError, match=r"Load it with its head, e\.g\. as AutoModelForCausalLM"):
        iw.logit_attribution(headless.trace(families.example("gpt2", 4)), 1)


def test_neurons_of_one_model_are_not_held_in_the_text_of_another(lm):
    other = iw.load("storyworld")
    with pytest.raises(iw.InputError, match="expected a trace of the model whose neurons these are"):
        iw.NeuronView(iw.neurons(lm, progress=False), other.trace("Mary and Tom"))
