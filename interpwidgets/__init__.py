"""interpwidgets: see inside a model, and reach into it, without leaving the notebook cell.

    import interpwidgets as iw
    lm = iw.load("storyworld")
    iw.AttentionView(lm.trace("Mary and Tom went to the park. Tom gave the ball to"))

The public names below are loaded when first used: importing this package imports no torch.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interpwidgets.analyses.attention import attention
    from interpwidgets.analyses.attribution import head_sources, logit_attribution
    from interpwidgets.analyses.build_index import build_index
    from interpwidgets.analyses.detections import detections
    from interpwidgets.analyses.evaluate_dictionary import evaluate_dictionary
    from interpwidgets.analyses.fit_dictionary import fit_dictionary
    from interpwidgets.analyses.generation import generation_trace
    from interpwidgets.analyses.head_summaries import head_summaries
    from interpwidgets.analyses.lens import lens
    from interpwidgets.analyses.neurons import clamp_neuron, neurons
    from interpwidgets.analyses.splice import splice
    from interpwidgets.analyses.token import token_values
    from interpwidgets.analyses.tuned_lens import TunedLens, fit_tuned_lens, load_tuned_lens
    from interpwidgets.analyses.vector import vector_scores
    from interpwidgets.dictionaries import Dictionary, load_dictionary
    from interpwidgets.errors import InputError, InterpError, MissingExtraError, ModelError, OutOfMemoryError
    from interpwidgets.models import Edit, Model, Site, Trace, load
    from interpwidgets.records import Attention, HeadSummaries, SumCheck, Tokens
    from interpwidgets.records.attribution import LogitAttribution
    from interpwidgets.records.detections import Detections
    from interpwidgets.records.dictionary_report import DictionaryReport
    from interpwidgets.records.feature import Feature
    from interpwidgets.records.feature_index import FeatureIndex, open_index
    from interpwidgets.records.generation import GenerationTrace
    from interpwidgets.records.head_sources import HeadSources
    from interpwidgets.records.lens import Lens
    from interpwidgets.records.neuron_clamp import NeuronClamp
    from interpwidgets.records.neurons import Neurons
    from interpwidgets.records.token import TokenValues
    from interpwidgets.records.vector import VectorScores
    from interpwidgets.widgets.attention import AttentionView
    from interpwidgets.widgets.attribution import AttributionView
    from interpwidgets.widgets.generation import GenerationView
    from interpwidgets.widgets.lens import LensView
    from interpwidgets.widgets.link import link
    from interpwidgets.widgets.neurons import NeuronView
    from interpwidgets.widgets.token import TokenView
    from interpwidgets.widgets.vector import VectorView

_HOMES = {
    "load": "models",
    "Model": "models",
    "Trace": "models",
    "Site": "models",
    "Edit": "models",
    "attention": "analyses.attention",
    "head_summaries": "analyses.head_summaries",
    "AttentionView": "widgets.attention",
    "token_values": "analyses.token",
    "TokenView": "widgets.token",
    "TokenValues": "records.token",
    "generation_trace": "analyses.generation",
    "GenerationView": "widgets.generation",
    "GenerationTrace": "records.generation",
    "link": "widgets.link",
    "Attention": "records",
    "HeadSummaries": "records",
    "SumCheck": "records",
    "Tokens": "records",
    "InterpError": "errors",
    "InputError": "errors",
    "ModelError": "errors",
    "MissingExtraError": "errors",
    "OutOfMemoryError": "errors",
    "logit_attribution": "analyses.attribution",
    "head_sources": "analyses.attribution",
    "LogitAttribution": "records.attribution",
    "HeadSources": "records.head_sources",
    "AttributionView": "widgets.attribution",
    "Dictionary": "dictionaries",
    "load_dictionary": "dictionaries",
    "fit_dictionary": "analyses.fit_dictionary",
    "build_index": "analyses.build_index",
    "open_index": "records.feature_index",
    "Feature": "records.feature",
    "FeatureIndex": "records.feature_index",
    "neurons": "analyses.neurons",
    "clamp_neuron": "analyses.neurons",
    "Neurons": "records.neurons",
    "NeuronClamp": "records.neuron_clamp",
    "lens": "analyses.lens",
    "TunedLens": "analyses.tuned_lens",
    "fit_tuned_lens": "analyses.tuned_lens",
    "load_tuned_lens": "analyses.tuned_lens",
    "Lens": "records.lens",
    "LensView": "widgets.lens",
    "NeuronView": "widgets.neurons",
    "vector_scores": "analyses.vector",
    "VectorScores": "records.vector",
    "VectorView": "widgets.vector",
    "detections": "analyses.detections",
    "Detections": "records.detections",
    "evaluate_dictionary": "analyses.evaluate_dictionary",
    "DictionaryReport": "records.dictionary_report",
    "splice": "analyses.splice",
}

__all__ = [
    "Attention",
    "AttentionView",
    "AttributionView",
    "Detections",
    "Dictionary",
    "DictionaryReport",
    "Edit",
    "Feature",
    "FeatureIndex",
    "GenerationTrace",
    "GenerationView",
    "HeadSources",
    "HeadSummaries",
    "InputError",
    "InterpError",
    "Lens",
    "LensView",
    "LogitAttribution",
    "MissingExtraError",
    "Model",
    "ModelError",
    "NeuronClamp",
    "NeuronView",
    "Neurons",
    "OutOfMemoryError",
    "Site",
    "SumCheck",
    "TokenValues",
    "TokenView",
    "Tokens",
    "Trace",
    "TunedLens",
    "VectorScores",
    "VectorView",
    "attention",
    "build_index",
    "clamp_neuron",
    "detections",
    "evaluate_dictionary",
    "fit_dictionary",
    "fit_tuned_lens",
    "generation_trace",
    "head_sources",
    "head_summaries",
    "lens",
    "link",
    "load",
    "load_dictionary",
    "load_tuned_lens",
    "logit_attribution",
    "neurons",
    "open_index",
    "splice",
    "token_values",
    "vector_scores",
]

try:
    __version__ = version("interpwidgets")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'interpwidgets' has no attribute {name!r}")
    value = getattr(import_module(f"interpwidgets.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
