"""Adapters: load a model, tokenise, trace, run it with sites captured or edited."""

from interpwidgets.models.attention import AttentionLayer
from interpwidgets.models.edit import Edit
from interpwidgets.models.generation import Generation
from interpwidgets.models.load import load
from interpwidgets.models.model import Model
from interpwidgets.models.site import Site
from interpwidgets.models.trace import Trace

__all__ = ["AttentionLayer", "Edit", "Generation", "Model", "Site", "Trace", "load"]
