"""The weights of one layer's neurons, and the vocabulary as they meet it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from interpwidgets.analyses.frozen_norm import exact, shape_of
from interpwidgets.errors import ModelError
from interpwidgets.models.families import child
from interpwidgets.models.site import Site

if TYPE_CHECKING:
    from interpwidgets.models import Model

GATED = (("gate_proj", "up_proj"), ("w1", "w3"), ("wi_0", "wi_1"))
FUSED = ("gate_up_proj",)
PLAIN = ("c_fc", "dense_h_to_4h", "fc1", "fc_in", "up_proj", "lin1", "wi", "dense", "w1")


def output_weights(lm: Model, layer: int) -> torch.Tensor:
    """What each neuron writes to the stream, ``[neuron, d_model]``."""
    tap = lm.anatomy.blocks[layer].taps.get("mlp_act")
    if tap is None:
        raise ModelError(
            expected=f"neurons in layer {layer} of {lm.name}",
            got=lm.anatomy.why_not(Site("mlp_act", layer)),
            fix="Ask for layers that have an MLP of one piece.",
        )
    return _weight(tap.module, layer).T


def input_weights(lm: Model, layer: int) -> dict[str, torch.Tensor]:
    """What each neuron reads, ``[neuron, d]``: ``{"reads": ...}``, or ``gate`` and ``up`` of a gated MLP."""
    tap = lm.anatomy.blocks[layer].taps.get("mlp_in")
    module = None if tap is None else tap.module
    if module is not None and isinstance(getattr(module, "weight", None), torch.Tensor):
        return {"reads": _weight(module, layer)}
    if module is not None:
        for gate, up in GATED:
            first, second = child(module, gate), child(module, up)
            if first is not None and second is not None:
                return {"gate": _weight(first, layer), "up": _weight(second, layer)}
        for name in FUSED:
            both = child(module, name)
            if both is not None:
                first, second = _weight(both, layer).chunk(2)
                return {"gate": first, "up": second}
        for name in PLAIN:
            found = child(module, name)
            if found is not None:
                return {"reads": _weight(found, layer)}
    raise ModelError(
        expected=f"an MLP in layer {layer} whose first projection is known",
        got=type(module).__name__,
        fix="Look at its features with a dictionary instead.",
    )


def _weight(module: nn.Module, layer: int) -> torch.Tensor:
    """``[out, in]`` of a linear layer, GPT-2's transposed ``Conv1D`` included."""
    weight = getattr(module, "weight", None)
    if not isinstance(weight, torch.Tensor) or weight.dim() != 2 or not weight.is_floating_point():
        raise ModelError(
            expected="an MLP of plain weight matrices",
            got=f"{type(module).__name__} in layer {layer}",
            fix="Load the model without quantisation to decode its neurons.",
        )
    weight = weight.detach()
    return weight.T if type(module).__name__ == "Conv1D" else weight


class Unembedding:
    """The directions in which the logits read the stream, ``[token, d_model]``, with the norms on the way folded in."""

    def __init__(self, lm: Model) -> None:
        head: Any = lm.anatomy.head
        weight = getattr(head, "weight", None)
        if not isinstance(weight, torch.Tensor) or weight.dim() != 2 or list(head.children()):
            raise ModelError(
                expected="a model with a linear unembedding",
                got=f"{lm.name} ({lm.family})",
                fix="Neurons are decoded with the unembedding of a language model, e.g. AutoModelForCausalLM.",
            )
        self._lm = lm
        full = weight.detach().float()
        projection: Any = lm.anatomy.project_out
        if projection is not None:
            full = full @ projection.weight.detach().float().to(full.device)
        norm = lm.anatomy.final_norm
        self.notes = ["written: output weights times the unembedding"]
        if norm is not None:
            gain, _, centred = shape_of(norm, full.shape[1])
            full = full * gain.to(full)
            full = full - full.mean(-1, keepdim=True) if centred else full
            self.notes = ["written: output weights times the unembedding, with the final norm's gain folded in"]
        self._full = full

    @property
    def stream(self) -> torch.Tensor:
        """For what is written to the stream itself."""
        return self._full

    def of(self, layer: int) -> torch.Tensor:
        """For one layer: a norm behind the MLP itself (Gemma 2, OLMo 2) is folded in too."""
        block = self._lm.anatomy.blocks[layer]
        module, mlp = block.taps["mlp_out"].module, block.taps["mlp_act"].module
        if module is mlp or any(part is mlp for part in module.modules()):
            return self._full
        gain, _, _ = shape_of(module, self._full.shape[1])
        return self._full * gain.to(self._full)


class Embedding:
    """Each token as the neurons of a layer would read it alone: its embedding through the norm before the MLP."""

    def __init__(self, lm: Model) -> None:
        self._lm = lm
        module: Any = lm.anatomy.taps["embed"].module if "embed" in lm.anatomy.taps else None
        weight = getattr(module, "weight", None)
        if not isinstance(weight, torch.Tensor):
            raise ModelError(
                expected="a model with a table of token embeddings",
                got=f"{lm.name} ({lm.family})",
                fix="Neurons are decoded against the tokens of a language model.",
            )
        table = weight.detach().float()
        inward = next((m for name, m in lm.model.named_modules() if name.endswith("project_in")), None)
        if isinstance(inward, nn.Linear) and table.shape[1] != lm.d_model:
            table = table @ inward.weight.detach().float().T
        self._table = table
        self.notes = ["read: input weights times token embeddings, as the norm before the MLP passes them"]
        self._norms = _norms(lm)

    @property
    def table(self) -> torch.Tensor:
        """``[token, d]`` as the stream begins with them."""
        return self._table

    def of(self, layer: int) -> torch.Tensor:
        """``[token, d]`` for one layer."""
        norm = self._norms[layer]
        if norm is None:
            return self._table
        run = exact(norm)
        parts = [run(part.double().cpu()).float() for part in self._table.split(8192)]
        return torch.cat(parts).to(self._table.device)


def _norms(lm: Model) -> list[nn.Module | None]:
    """The norm before each layer's MLP, found on a probe: the one that makes of the stream what the MLP was given."""
    kinds = [Site(k, i) for i, b in enumerate(lm.anatomy.blocks) for k in _stream(b) if "mlp_in" in b.taps]
    last = (lm.d_vocab_in or lm.d_vocab or 4) - 1
    ids = [last // 2, last // 3]
    trace = lm.trace(ids, decoder=ids, attention=False) if lm.has_decoder else lm.trace(ids, attention=False)
    trace.capture(kinds)
    found: list[nn.Module | None] = []
    for layer, block in enumerate(lm.anatomy.blocks):
        if "mlp_in" not in block.taps:
            found.append(None)
            continue
        stream, _ = _stream(block)
        rows = [trace[Site(kind, layer)].double().cpu().reshape(len(trace), -1) for kind in (stream, "mlp_in")]
        if rows[0].shape == rows[1].shape and torch.allclose(*rows, rtol=1e-4, atol=1e-5):
            found.append(None)  # the MLP reads the stream as it is
            continue
        around = [m for n, m in block.module.named_modules() if n.count(".") < 3 and not list(m.children())]
        fits = (m for m in around if m is not block.output and _is_between(m, *rows))
        found.append(next(fits, None))
    return found


def _stream(block: Any) -> tuple[str, str]:
    return ("resid_mid" if "resid_mid" in block.taps else "resid_pre"), "mlp_in"


def _is_between(module: nn.Module, before: torch.Tensor, after: torch.Tensor) -> bool:
    width = getattr(getattr(module, "weight", None), "shape", ())
    if tuple(width) != before.shape[1:] or before.shape != after.shape:
        return False
    return torch.allclose(exact(module)(before), after, rtol=1e-2, atol=1e-2 * float(after.abs().max()))
