"""How dictionaries are learnt: what each kind optimises, and the one loop that serves them all."""

from interpwidgets.dictionaries.training.factorise import factorise
from interpwidgets.dictionaries.training.source import Rows, Source
from interpwidgets.dictionaries.training.trainer import Trainer

__all__ = ["Rows", "Source", "Trainer", "factorise"]
