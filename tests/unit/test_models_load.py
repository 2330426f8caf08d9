"""Loading and inputs: what works, and one clear sentence for what does not."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from interpwidgets.errors import InputError, InterpError, ModelError, OutOfMemoryError
from interpwidgets.models import Edit, Model, load
from tests.unit import families as F
from tests.unit.test_models_tokens import trained


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


@pytest.fixture
def lm() -> Model:
    tokenizer = trained("byte_level")
    model = F.build("gpt2")
    model.resize_token_embeddings(len(tokenizer))
    return load(model, tokenizer)


def test_folder_keeps_tokenizer_and_numbers(tmp_path: Path) -> None:
    model = F.build("llama")
    model.save_pretrained(tmp_path)
    lm = load(tmp_path)
    assert lm.tokenizer is None
    assert lm.name == tmp_path.name
    assert torch.equal(lm.trace([5, 6, 7]).logits, load(model).trace([5, 6, 7]).logits)  # type: ignore[arg-type]
    trained("byte_level").save_pretrained(tmp_path)
    assert load(str(tmp_path)).tokenizer is not None
    assert load(tmp_path, dtype=torch.bfloat16, device="cpu").dtype == torch.bfloat16
    assert load(tmp_path, attn_implementation="eager").model.config._attn_implementation == "eager"


def test_a_loaded_model_is_left_as_it_is() -> None:
    model = F.build("gpt2").to(torch.bfloat16).train()
    lm = load(model)
    assert lm.model is model
    assert model.training
    assert lm.dtype == torch.bfloat16
    with pytest.raises(InputError, match="also dtype"):
        load(model, dtype=torch.float32)


def test_an_encoder_decoder_from_a_folder(tmp_path: Path) -> None:
    F.build("t5").save_pretrained(tmp_path)
    lm = load(tmp_path)
    trace = lm.trace([5, 6, 7], decoder=[0, 8, 9])
    assert trace.ids is not None
    assert trace.ids.tolist() == [0, 8, 9]
    assert trace.source_tokens is not None
    assert len(trace.source_tokens) == 3
    assert trace.attention["cross"][0].pattern(0).shape == (3, 3)
    assert lm.trace([5, 6, 7]).ids.tolist() == [0]  # type: ignore[union-attr]


def test_a_base_model_has_no_logits() -> None:
    import transformers as tf

    lm = load(tf.GPT2Model(F.build("gpt2").config))
    trace = lm.trace([5, 6])
    assert trace.logits is None
    assert trace["resid_post.-1"].shape == (2, 32)
    with pytest.raises(ModelError, match="language-model head"):
        lm.unembed(trace["resid_post.-1"])
    with pytest.raises(InputError, match="language-model head"):
        lm.site("logits")


def test_the_adapter_reads_well() -> None:
    lm = load(F.build("gemma2"))
    text = repr(lm)
    assert "gemma2: 3 layers x 4 heads, d_model 32, vocabulary 97, context 64, float32 on cpu" in text
    assert "23 tokens" in repr(lm.trace(F.example("gemma2")))
    assert {"trace", "sites", "edit", "generate", "tokens"} <= set(dir(lm))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("./no/such/folder", "an existing model folder"),
        ("/no/such/folder", "an existing model folder"),
        ("", "an existing model folder"),
        ("nobody/no-such-model", "from the Hugging Face hub"),
    ],
)
def test_what_is_not_there(source: str, message: str) -> None:
    with pytest.raises(InterpError, match=message):
        load(source)


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json, got .* holds nothing"):
        load(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InputError, match=r"notes\.txt"):
        load(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelError, match="a readable model"):
        load(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "no_such_family"}')
    with pytest.raises(ModelError, match="a readable model"):
        load(tmp_path)


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    model = F.build("gpt2")
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="only pickled weights") as caught:
        load(tmp_path)
    assert "use_safetensors=False" in caught.value.fix
    assert load(tmp_path, use_safetensors=False).n_layers == 3


def test_half_a_model(tmp_path: Path) -> None:
    F.build("gpt2").save_pretrained(tmp_path)
    with open(tmp_path / "model.safetensors", "r+b") as file:
        file.truncate(1000)
    with pytest.raises(ModelError, match="a readable model"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "at least one token, got an empty text"),
        ([], "at least one token"),
        (torch.zeros(0, dtype=torch.long), "at least one token"),
        ([1.5, 2.0], "whole numbers"),
        ([True, False], "whole numbers"),
        (torch.zeros(2, 3, dtype=torch.long), "one sequence of token ids"),
        ([5, 100_000], "token ids from 0 to"),
        ([-1], "token ids from 0 to"),
        (["a", "b"], "a text, a list of token ids"),
        (None, "a text, a list of token ids"),
        ([5] * 65, "at most 64 tokens, .* got 65 tokens"),
        ("word " * 100, "at most 64 tokens"),
        ([{"role": "user", "content": "Hi"}], "chat template"),
        ([{"text": "Hi"}], "messages like"),
        ("bad \ud800 text", "lone surrogate"),
    ],
)
def test_inputs_that_cannot_be_traced(lm: Model, given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        lm.trace(given)
    assert len(lm.trace("still fine")) > 0


def test_inputs_that_can(lm: Model) -> None:
    text = "The quick 🙂 fox"
    ids = lm.tokenizer(text)["input_ids"]
    wanted = lm.trace(text).logits
    assert wanted is not None
    for given in (ids, tuple(ids), torch.tensor(ids), torch.tensor([ids]), np.array(ids), lm.tokens(text)):
        logits = lm.trace(given).logits
        assert logits is not None
        assert torch.equal(logits, wanted)
    assert lm.tokens(text).ids is not None
    assert lm.tokens(text).ids.tolist() == ids  # type: ignore[union-attr]
    assert lm.trace(text).text == text
    assert len(lm.trace([5])) == 1


def test_chat_messages_go_through_the_template(lm: Model) -> None:
    each = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    lm.tokenizer.chat_template = each + "{% if add_generation_prompt %}bot:{% endif %}"
    try:
        trace = lm.trace([{"role": "user", "content": "Hi there"}])
        assert trace.text == "user: Hi there\nbot:"
    finally:
        lm.tokenizer.chat_template = None


def test_text_without_a_tokenizer() -> None:
    with pytest.raises(InputError, match="without a tokenizer"):
        load(F.build("gpt2")).trace("hello")


def test_decoder_text_only_where_there_is_a_decoder() -> None:
    with pytest.raises(InputError, match="only for an encoder-decoder"):
        load(F.build("gpt2")).trace([5], decoder=[6])


def test_generation(lm: Model) -> None:
    first = lm.generate("The quick", 5)
    assert first.text == lm.generate("The quick", 5).text
    assert str(first).startswith("The quick")
    assert len(first.new_ids) <= 5
    assert len(first.tokens) == len(first.ids)
    state = torch.random.get_rng_state()
    sampled = lm.generate("The quick", 8, temperature=1.0, seed=3)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(sampled.ids, lm.generate("The quick", 8, temperature=1.0, seed=3).ids)
    assert len(load(F.build("bart")).generate([5, 6, 7], 4).new_ids) >= 1
    with pytest.raises(ModelError, match="generates text"):
        load(F.build("vit")).generate([1])


def test_a_full_device_gets_a_sentence(lm: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity ...")

    handle = lm.anatomy.blocks[1].module.register_forward_pre_hook(full)
    with pytest.raises(OutOfMemoryError, match="Tried to allocate 2"):
        lm.trace("hello")
    handle.remove()
    assert len(lm.trace("hello")) > 0
    layer = lm.trace("hello").attention["self"][0]
    monkeypatch.setattr(layer, "_softmax", full)
    with pytest.raises(OutOfMemoryError, match="attention values"):
        layer.pattern(0)


def test_images() -> None:
    lm = load(F.build("vit"))
    image = F.example("vit")
    trace = lm.trace(image)
    assert trace.tokens.texts[:3] == ("[CLS]", "patch 0,0", "patch 0,1")
    assert trace.tokens.grid == (4, 4)
    assert trace.tokens.grid_start == 1
    assert trace.tokens.special.tolist() == [True] + [False] * 16
    assert trace.ids is None
    assert trace.logits is None
    assert trace.output.logits.shape == (1, 5)
    assert trace["resid_post.1"].shape == (17, 32)
    assert trace["embed"].shape == (17, 32)
    assert torch.equal(lm.trace(image.numpy())["resid_post.1"], trace["resid_post.1"])
    for bad, message in (
        (torch.zeros(3, 17, 16), "one image of shape"),
        (torch.full((3, 16, 16), float("nan")), "finite pixel"),
        (np.zeros((16, 16, 3), dtype=np.uint8), "image processor"),
        ("a cat", "a pixel tensor"),
    ):
        with pytest.raises(InterpError, match=message):
            lm.trace(bad)


def test_an_image_processor_takes_pictures() -> None:
    import transformers as tf
    from PIL import Image

    processor = tf.ViTImageProcessor(size={"height": 16, "width": 16})
    lm = load(F.build("vit"), processor)
    assert len(lm.trace(Image.new("RGB", (40, 30), (200, 30, 30)))) == 17
    with pytest.raises(InputError, match="an image the processor takes"):
        lm.trace(object())


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 6)
        self.blocks = nn.ModuleList([nn.Linear(6, 6) for _ in range(2)])
        self.head = nn.Linear(6, 11)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embed(ids)
        for block in self.blocks:
            x = x + torch.relu(block(x))
        return self.head(x)


SITES: dict[str, Any] = {
    "embed": "embed",
    "resid_pre.1": ("blocks.1", "input"),
    "mlp_out.0": "blocks.0",
    "logits": "head",
}


def test_a_plain_module_with_named_places() -> None:
    torch.manual_seed(0)
    module = Tiny()
    lm = load(module, sites=SITES, tokenizer=lambda text: [ord(c) - 97 for c in text])
    trace = lm.trace("abc", sites=["mlp_out.0"])
    assert torch.equal(trace.logits, module(torch.tensor([[0, 1, 2]]))[0].detach())  # type: ignore[arg-type]
    assert trace["resid_pre.1"].shape == (3, 6)
    assert [str(site) for site in lm.sites] == ["embed", "mlp_out.0", "resid_pre.1", "logits"]
    with lm.edit(Edit("resid_pre.1", ablate=True)):
        edited = lm.trace("abc")
        assert float(edited["resid_pre.1"].abs().max()) == 0.0
    assert not torch.equal(edited.logits, trace.logits)  # type: ignore[arg-type]
    assert torch.equal(lm.trace([0, 1, 2]).logits, trace.logits)  # type: ignore[arg-type]
    assert module.training
    with pytest.raises(ModelError, match="plain module"):
        _ = trace.attention
    with pytest.raises(InputError, match="without naming it"):
        lm.site("resid_post.0")
    with pytest.raises(ModelError, match="generates text"):
        lm.generate("abc")


def test_a_plain_module_must_name_real_places() -> None:
    with pytest.raises(InputError, match="a module with named sites"):
        load(Tiny())
    with pytest.raises(InputError, match="at least one named site"):
        load(Tiny(), sites={})
    with pytest.raises(InputError, match="the path of a submodule"):
        load(Tiny(), sites={"resid_post.0": "blocks.7"})
    with pytest.raises(InputError, match="a site kind"):
        load(Tiny(), sites={"hidden.0": "blocks.0"})


def test_no_message_shows_a_bare_traceback_name() -> None:
    """Every error says expected, got and the fix, in one sentence each."""
    with pytest.raises(InputError) as caught:
        load(F.build("gpt2")).trace([])
    assert re.match(r"expected .+, got .+\. .+\.", str(caught.value))


def test_importing_the_room_does_not_import_transformers() -> None:
    code = "import sys, interpwidgets.models; print(json.dumps([m for m in ('transformers',) if m in sys.modules]))"
    out = subprocess.run(
        [sys.executable, "-c", f"import json; {code}"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONWARNINGS": ""},
    )
    assert json.loads(out.stdout) == []
