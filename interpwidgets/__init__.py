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
    from interpwidgets.analyses.denoising import denoising
    from interpwidgets.analyses.detections import detections
    from interpwidgets.analyses.evaluate_dictionary import evaluate_dictionary
    from interpwidgets.analyses.exemplars import cluster_exemplars, exemplars, feature_exemplars, prototype_exemplars
    from interpwidgets.analyses.explain import explain_features
    from interpwidgets.analyses.explanation import check_explanation
    from interpwidgets.analyses.feature_values import feature_values
    from interpwidgets.analyses.fit_dictionary import fit_dictionary
    from interpwidgets.analyses.generation import generation_trace
    from interpwidgets.analyses.head_summaries import head_summaries
    from interpwidgets.analyses.image_units import patch_activations
    from interpwidgets.analyses.lens import lens
    from interpwidgets.analyses.neurons import clamp_neuron, neurons
    from interpwidgets.analyses.prototype_reasons import prototype_reasons
    from interpwidgets.analyses.prototypes import compare_prototypes
    from interpwidgets.analyses.quiz import machine_observer, two_afc
    from interpwidgets.analyses.replacement import replacement_losses
    from interpwidgets.analyses.splice import splice
    from interpwidgets.analyses.steering import SteeringSession
    from interpwidgets.analyses.steering.effect import steering_effect
    from interpwidgets.analyses.steering.sweep import steering_sweep
    from interpwidgets.analyses.steering.targets import targets
    from interpwidgets.analyses.text_prototypes import compare_text_prototypes
    from interpwidgets.analyses.token import token_values
    from interpwidgets.analyses.tuned_lens import TunedLens, fit_tuned_lens, load_tuned_lens
    from interpwidgets.analyses.vector import vector_scores
    from interpwidgets.dictionaries import Dictionary, load_dictionary
    from interpwidgets.errors import InputError, InterpError, MissingExtraError, ModelError, OutOfMemoryError
    from interpwidgets.models import Edit, Model, Site, Trace, load
    from interpwidgets.prototypes import PrototypeNetwork, fit_prototypes
    from interpwidgets.records import Attention, HeadSummaries, SumCheck, Tokens
    from interpwidgets.records.attribution import LogitAttribution
    from interpwidgets.records.denoising import Denoising
    from interpwidgets.records.detections import Detections
    from interpwidgets.records.dictionary_report import DictionaryReport
    from interpwidgets.records.exemplars import Exemplars
    from interpwidgets.records.explanation import ExplanationCheck
    from interpwidgets.records.feature import Feature
    from interpwidgets.records.feature_index import FeatureIndex, open_index
    from interpwidgets.records.feature_values import FeatureValues
    from interpwidgets.records.generation import GenerationTrace
    from interpwidgets.records.head_sources import HeadSources
    from interpwidgets.records.lens import Lens
    from interpwidgets.records.neuron_clamp import NeuronClamp
    from interpwidgets.records.neuronpedia import read_neuronpedia
    from interpwidgets.records.neuronpedia_files import read_labels, write_labels, write_neuronpedia
    from interpwidgets.records.neurons import Neurons
    from interpwidgets.records.prototype_reasons import PrototypeReasons
    from interpwidgets.records.prototypes import PrototypeComparison
    from interpwidgets.records.quiz import Quiz
    from interpwidgets.records.quiz_result import QuizResult
    from interpwidgets.records.replacement import ReplacementLosses
    from interpwidgets.records.rule import Rule
    from interpwidgets.records.steering import Steering, SteeringTarget
    from interpwidgets.records.steering_effect import SteeringEffect
    from interpwidgets.records.steering_sweep import SteeringSweep
    from interpwidgets.records.text_prototypes import TextPrototypeComparison
    from interpwidgets.records.token import TokenValues
    from interpwidgets.records.vector import VectorScores
    from interpwidgets.widgets.attention import AttentionView
    from interpwidgets.widgets.attribution import AttributionView
    from interpwidgets.widgets.denoising import DenoisingView
    from interpwidgets.widgets.exemplars import ExemplarView
    from interpwidgets.widgets.feature_values import FeatureView
    from interpwidgets.widgets.features import FeatureBrowser
    from interpwidgets.widgets.generation import GenerationView
    from interpwidgets.widgets.lens import LensView
    from interpwidgets.widgets.link import link
    from interpwidgets.widgets.neurons import NeuronView
    from interpwidgets.widgets.prototypes import PrototypeView
    from interpwidgets.widgets.quiz import QuizView
    from interpwidgets.widgets.steering import SteeringPanel
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
    "feature_values": "analyses.feature_values",
    "FeatureValues": "records.feature_values",
    "FeatureView": "widgets.feature_values",
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
    "denoising": "analyses.denoising",
    "Denoising": "records.denoising",
    "DenoisingView": "widgets.denoising",
    "compare_text_prototypes": "analyses.text_prototypes",
    "TextPrototypeComparison": "records.text_prototypes",
    "ExemplarView": "widgets.exemplars",
    "PrototypeView": "widgets.prototypes",
    "detections": "analyses.detections",
    "FeatureBrowser": "widgets.features",
    "Detections": "records.detections",
    "evaluate_dictionary": "analyses.evaluate_dictionary",
    "DictionaryReport": "records.dictionary_report",
    "explain_features": "analyses.explain",
    "read_neuronpedia": "records.neuronpedia",
    "write_neuronpedia": "records.neuronpedia_files",
    "read_labels": "records.neuronpedia_files",
    "write_labels": "records.neuronpedia_files",
    "check_explanation": "analyses.explanation",
    "ExplanationCheck": "records.explanation",
    "replacement_losses": "analyses.replacement",
    "ReplacementLosses": "records.replacement",
    "Rule": "records.rule",
    "splice": "analyses.splice",
    "SteeringSweep": "records.steering_sweep",
    "SteeringEffect": "records.steering_effect",
    "steering_sweep": "analyses.steering.sweep",
    "steering_effect": "analyses.steering.effect",
    "Steering": "records.steering",
    "SteeringPanel": "widgets.steering",
    "SteeringSession": "analyses.steering",
    "SteeringTarget": "records.steering",
    "targets": "analyses.steering.targets",
    "PrototypeNetwork": "prototypes",
    "fit_prototypes": "prototypes",
    "cluster_exemplars": "analyses.exemplars",
    "exemplars": "analyses.exemplars",
    "feature_exemplars": "analyses.exemplars",
    "prototype_exemplars": "analyses.exemplars",
    "prototype_reasons": "analyses.prototype_reasons",
    "compare_prototypes": "analyses.prototypes",
    "machine_observer": "analyses.quiz",
    "two_afc": "analyses.quiz",
    "Exemplars": "records.exemplars",
    "PrototypeReasons": "records.prototype_reasons",
    "PrototypeComparison": "records.prototypes",
    "Quiz": "records.quiz",
    "QuizResult": "records.quiz_result",
    "QuizView": "widgets.quiz",
    "patch_activations": "analyses.image_units",
}

__all__ = [
    "Attention",
    "AttentionView",
    "AttributionView",
    "Denoising",
    "DenoisingView",
    "Detections",
    "Dictionary",
    "DictionaryReport",
    "Edit",
    "ExemplarView",
    "Exemplars",
    "ExplanationCheck",
    "Feature",
    "FeatureBrowser",
    "FeatureIndex",
    "FeatureValues",
    "FeatureView",
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
    "PrototypeComparison",
    "PrototypeNetwork",
    "PrototypeReasons",
    "PrototypeView",
    "Quiz",
    "QuizResult",
    "QuizView",
    "ReplacementLosses",
    "Rule",
    "Site",
    "Steering",
    "SteeringEffect",
    "SteeringPanel",
    "SteeringSession",
    "SteeringSweep",
    "SteeringTarget",
    "SumCheck",
    "TextPrototypeComparison",
    "TokenValues",
    "TokenView",
    "Tokens",
    "Trace",
    "TunedLens",
    "VectorScores",
    "VectorView",
    "attention",
    "build_index",
    "check_explanation",
    "clamp_neuron",
    "cluster_exemplars",
    "compare_prototypes",
    "compare_text_prototypes",
    "denoising",
    "detections",
    "evaluate_dictionary",
    "exemplars",
    "explain_features",
    "feature_exemplars",
    "feature_values",
    "fit_dictionary",
    "fit_prototypes",
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
    "machine_observer",
    "neurons",
    "open_index",
    "patch_activations",
    "prototype_exemplars",
    "prototype_reasons",
    "read_labels",
    "read_neuronpedia",
    "replacement_losses",
    "splice",
    "steering_effect",
    "steering_sweep",
    "targets",
    "token_values",
    "two_afc",
    "vector_scores",
    "write_labels",
    "write_neuronpedia",
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
