"""A slider to its new distribution, against a plain forward pass of the same prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.benchmarks import subjects
from tests.benchmarks.clock import interleaved, ratios
from tests.benchmarks.table import Row

POINTS = 13


def steering(depths: Sequence[int], tokens: int, vocabulary: int, repeats: int) -> Iterator[Row]:
    """Edits of the stream at several layers of GPT-2 small's shape, each with a strength it has not had before."""
    import torch

    from interpwidgets.analyses.steering import SteeringSession, Writer
    from interpwidgets.analyses.steering.targets import targets
    from interpwidgets.records.steering import Steering

    layers = 12
    lm = subjects.model(layers, vocabulary=vocabulary, context=1024)
    ids = subjects.ids(tokens, vocabulary)
    batch = torch.from_numpy(ids)[None]
    session = SteeringSession(lm, ids)
    vector = torch.randn(lm.d_model, generator=torch.Generator().manual_seed(0))
    strength = 0.0

    def plain() -> None:
        with torch.no_grad():
            torch.log_softmax(lm.model(batch, use_cache=False).logits[0, -1], -1)

    what = f"{layers} layers, {tokens} tokens, vocabulary {vocabulary:,}"
    for layer in depths:
        target = targets.vector(f"resid_pre.{layer}", vector, name=f"layer {layer}")

        def moved(target: object = target) -> None:
            nonlocal strength
            strength += 0.01
            session.steered([target], [strength])  # type: ignore[list-item]

        found = interleaved({"plain": plain, "moved": moved}, repeats=repeats)
        share = (layers - layer) / layers
        words = f"{what}: slider to new distribution, edit before layer {layer}, against a plain forward"
        times = f"({found['plain'].median * 1e3:.0f} ms; {share:.2f} of the layers run)"
        yield Row(f"{words} {times}", "x", ratios(found["moved"], found["plain"]), 1.2 * share)

    layer = depths[len(depths) // 2]
    target = targets.vector(f"resid_pre.{layer}", vector, name="curve", lm=lm)

    def curve() -> None:
        session.curve([target], [0.0], 0, points=POINTS)

    found = interleaved({"plain": plain, "curve": curve}, repeats=max(3, repeats // 3))
    each = type(found["curve"])(tuple(value / POINTS for value in found["curve"].values))
    words = f"{what}: one of the {POINTS} strengths of a dose-response curve, edit before layer {layer}"
    yield Row(f"{words}, against a plain forward", "x", ratios(each, found["plain"]), 1.2 * (layers - layer) / layers)

    record = Steering((target,), (1.0,), prompt_tokens=tokens)

    def written(steered: Steering | None) -> None:
        writer = Writer(lm, ids, steered, max_new_tokens=16)
        while not writer.done:
            writer.more()

    def generated() -> None:
        lm.generate(ids, 16)

    works = {"generate": generated, "plain": lambda: written(None), "steered": lambda: written(record)}
    found = interleaved(works, repeats=max(3, repeats // 3))
    for name in ("plain", "steered"):
        words = f"{what}: 16 {name} tokens written piece by piece, against the model's own generate"
        yield Row(words, "x", ratios(found[name], found["generate"]))
