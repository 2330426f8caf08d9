"""Real models made by others, against their authors' own numbers."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
import torch
import torch.nn.functional as functional
from safetensors.torch import load_file

from interpwidgets.models import Edit, load
from tests.unit import families as F


def test_stories_tells_a_story() -> None:
    lm = load(F.data("models/stories260K"))
    assert (lm.family, lm.n_layers, lm.n_heads, lm.context) == ("llama", 5, 8, 512)
    story = lm.generate("Once upon a time", 30)
    assert story.text.startswith(", there was a little girl named Lily.")
    assert story.tokens.texts[:5] == ("<s>", " Once", " upon", " a", " time")


def test_stories_attention_equals_its_eager_self() -> None:
    import transformers as tf

    path = F.data("models/stories260K")
    text = "Once upon a time, there was a little girl named Lily. She loved to play outside in the park."
    trace = load(path).trace(text)
    eager = tf.AutoModelForCausalLM.from_pretrained(path, attn_implementation="eager").eval()
    assert trace.ids is not None
    with torch.no_grad():
        expected = eager(trace.ids[None], output_attentions=True).attentions
    for layer, truth in zip(trace.attention["self"], expected, strict=True):
        got = torch.stack([layer.pattern(head) for head in range(layer.n_heads)])
        torch.testing.assert_close(got, truth[0], atol=1e-5, rtol=0)


def test_steering_a_story_changes_it_and_then_not() -> None:
    lm = load(F.data("models/stories260K"))
    plain = lm.generate("Once upon a time", 12).text
    rain = lm.trace("It was raining and Tom was sad.")["resid_post.2"][-1]
    with lm.edit(Edit("resid_post.2", add=rain, strength=1.0)):
        assert lm.generate("Once upon a time", 12).text != plain
    assert lm.generate("Once upon a time", 12).text == plain


def test_storyworld_is_bundled() -> None:
    from interpwidgets.worlds import storyworld

    if not (storyworld.folder() / "model.safetensors").is_file():
        pytest.skip("the storyworld weights are not in this checkout")
    lm = load("storyworld")
    trace = lm.trace("Mary and Tom went to the park.")
    assert trace.tokens.texts[-1].strip() == "."
    assert len(trace.attention["self"]) == lm.n_layers


# The author's name for a value, and the site it is; all are of the first block unless the name says otherwise.
GOLDEN = {
    "tok_emb": "embed",
    "x": "resid_pre.0",
    "attnResid": "resid_mid.0",
    "yProj": "attn_out.0",
    "ln2": "mlp_in.0",
    "gelu": "mlp_act.0",
    "mlp": "mlp_out.0",
    "block0": "resid_post.0",
    "block1": "resid_post.1",
    "block2": "resid_post.2",
    "lm_head": "logits",
}


@pytest.mark.parametrize("row", [0, 1, 2])
def test_nano_sort_equals_its_authors_intermediates(row: int) -> None:
    folder = F.data("models/nano_sort")
    golden = load_file(folder / "golden_partials.safetensors")
    lm = load(folder / "hf_gpt2")
    trace = lm.trace(golden["idx"][row].long(), sites=list(GOLDEN.values()))
    for name, site in GOLDEN.items():
        torch.testing.assert_close(trace[site], golden[name][row], atol=2e-5, rtol=1e-5, msg=name)
    layer = trace.attention["self"][0]
    for head in range(3):
        torch.testing.assert_close(layer.pattern(head), golden["attSm"][row, head], atol=1e-5, rtol=0)
        torch.testing.assert_close(layer.value(head), golden["v"][row, head], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(trace.head_values(0).flatten(1), golden["y"][row], atol=1e-5, rtol=1e-5)
    assert lm.anatomy.final_norm is not None
    normed = lm.anatomy.final_norm(trace["resid_post.-1"]).detach()
    torch.testing.assert_close(normed, golden["ln_f"][row], atol=2e-5, rtol=1e-5)


def microgpt() -> Any:
    path = F.data("models/microgpt_names") / "microgpt_torch.py"
    spec = importlib.util.spec_from_file_location("microgpt_torch", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.MicroGPT()


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # the author's own loader leaves its file open
def test_microgpt_is_a_plain_module() -> None:
    model = microgpt()
    lm = load(
        model,
        tokenizer=lambda text: [26, *(ord(c) - 97 for c in text)],
        sites={
            "embed": "wte", "attn_out.0": "o", "head_out.0": ("o", "input"), "mlp_in.0": ("fc1", "input"),
            "mlp_act.0": ("fc2", "input"), "mlp_out.0": "fc2", "resid_post.0": ("lm_head", "input"),
            "logits": "lm_head",
        },
        attention={0: ("", 1)},
    )  # fmt: skip
    trace = lm.trace("emma")
    with torch.no_grad():
        logits, pattern = model(torch.tensor([[26, 4, 12, 12, 0]]))
    assert torch.equal(trace.logits, logits[0])  # type: ignore[arg-type]
    layer = trace.attention["self"][0]
    assert (layer.n_heads, layer.n_queries, layer.causal) == (4, 5, True)
    assert torch.equal(layer.pattern(2), pattern[0, 2])
    torch.testing.assert_close(trace["resid_post.0"] @ model.lm_head.weight.T, logits[0])
    torch.testing.assert_close(functional.linear(trace["mlp_act.0"], model.fc2.weight), trace["mlp_out.0"])
    with lm.edit(Edit("mlp_out.0", ablate=True)):
        silent = lm.trace("emma").logits
    assert not torch.equal(silent, trace.logits)  # type: ignore[arg-type]
    assert torch.equal(lm.trace("emma").logits, trace.logits)  # type: ignore[arg-type]
