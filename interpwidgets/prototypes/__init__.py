"""Networks whose evidence is likeness: prototypes, where they come from, and how they are learnt.

``PrototypeNetwork`` is the classifier, ``fit_prototypes`` its training with push, pruning and refit; ``TextPrototypes``
does the same over spans of tokens, and ``adapt`` brings a network trained elsewhere behind the same protocol.
"""

from interpwidgets.prototypes.adapter import AdaptedPrototypes, adapt
from interpwidgets.prototypes.groups import Groups
from interpwidgets.prototypes.history import PrototypeHistory
from interpwidgets.prototypes.images import read_images
from interpwidgets.prototypes.maps import Features, read_maps
from interpwidgets.prototypes.network import PrototypeNetwork
from interpwidgets.prototypes.part_backbone import PartBackbone
from interpwidgets.prototypes.protocol import PrototypeModel
from interpwidgets.prototypes.push import prune, push
from interpwidgets.prototypes.refit import fit_groups, refit
from interpwidgets.prototypes.similarity import CEILING, log_similarity, squared_distances
from interpwidgets.prototypes.sources import Sources
from interpwidgets.prototypes.text import TextPrototypes
from interpwidgets.prototypes.text_sources import TextSources
from interpwidgets.prototypes.training import fit_prototypes

__all__ = [
    "CEILING",
    "AdaptedPrototypes",
    "Features",
    "Groups",
    "PartBackbone",
    "PrototypeHistory",
    "PrototypeModel",
    "PrototypeNetwork",
    "Sources",
    "TextPrototypes",
    "TextSources",
    "adapt",
    "fit_groups",
    "fit_prototypes",
    "log_similarity",
    "prune",
    "push",
    "read_images",
    "read_maps",
    "refit",
    "squared_distances",
]
