"""planted: models and data that are constructed, not trained, so that the right answer is known before any method runs.

Everything is drawn from a seed and holds its truth beside its data::

    from interpwidgets.worlds import planted

    world = planted.dictionary()                 # 64 atoms in 32 dimensions, 3 of them active on each token
    x, codes = world.sample(4000, seed=0)
    world.recovery(sae).mean                     # how well a dictionary trained on x found the atoms

    lm = iw.load("planted/induction")            # a transformer whose weights were written by hand
    planted.induction().heads                    # {"previous_token": (0, 1), "induction": (1, 2)}

Importing this package imports no torch; the first call does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interpwidgets.worlds.planted.induction_effects import edge_effects, faithfulness, node_effects
    from interpwidgets.worlds.planted.oracle import Oracle
    from interpwidgets.worlds.planted.planted_attributes import PlantedAttributes, attributes
    from interpwidgets.worlds.planted.planted_dictionary import PlantedDictionary, dictionary
    from interpwidgets.worlds.planted.planted_factors import PlantedFactors, factors
    from interpwidgets.worlds.planted.planted_hierarchy import PlantedHierarchy, hierarchy
    from interpwidgets.worlds.planted.planted_induction import PlantedInduction, induction
    from interpwidgets.worlds.planted.planted_masked_diffusion import PlantedMaskedDiffusion, masked_diffusion
    from interpwidgets.worlds.planted.planted_mlp import PlantedMLP, mlp
    from interpwidgets.worlds.planted.planted_recommender import PlantedRecommender, recommender
    from interpwidgets.worlds.planted.planted_subspaces import PlantedSubspaces, subspaces
    from interpwidgets.worlds.planted.recovery import Recovery, match, mean_max_cosine
    from interpwidgets.worlds.planted.shipped import MODELS, folder

_HOMES = {
    "MODELS": "shipped",
    "Oracle": "oracle",
    "PlantedAttributes": "planted_attributes",
    "PlantedDictionary": "planted_dictionary",
    "PlantedFactors": "planted_factors",
    "PlantedHierarchy": "planted_hierarchy",
    "PlantedInduction": "planted_induction",
    "PlantedMLP": "planted_mlp",
    "PlantedMaskedDiffusion": "planted_masked_diffusion",
    "PlantedRecommender": "planted_recommender",
    "PlantedSubspaces": "planted_subspaces",
    "Recovery": "recovery",
    "attributes": "planted_attributes",
    "dictionary": "planted_dictionary",
    "edge_effects": "induction_effects",
    "factors": "planted_factors",
    "faithfulness": "induction_effects",
    "folder": "shipped",
    "hierarchy": "planted_hierarchy",
    "induction": "planted_induction",
    "masked_diffusion": "planted_masked_diffusion",
    "match": "recovery",
    "mean_max_cosine": "recovery",
    "mlp": "planted_mlp",
    "node_effects": "induction_effects",
    "recommender": "planted_recommender",
    "subspaces": "planted_subspaces",
}

__all__ = [
    "MODELS",
    "Oracle",
    "PlantedAttributes",
    "PlantedDictionary",
    "PlantedFactors",
    "PlantedHierarchy",
    "PlantedInduction",
    "PlantedMLP",
    "PlantedMaskedDiffusion",
    "PlantedRecommender",
    "PlantedSubspaces",
    "Recovery",
    "attributes",
    "dictionary",
    "edge_effects",
    "factors",
    "faithfulness",
    "folder",
    "hierarchy",
    "induction",
    "masked_diffusion",
    "match",
    "mean_max_cosine",
    "mlp",
    "node_effects",
    "recommender",
    "subspaces",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
