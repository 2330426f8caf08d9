"""What flows from an analysis to a widget: frozen dataclasses of numpy arrays and strings.

A record knows neither torch nor a widget, so anything can test, save or draw it.
"""

from interpwidgets.records.attention import Attention
from interpwidgets.records.head_summaries import HeadSummaries
from interpwidgets.records.sum_check import SumCheck
from interpwidgets.records.tokens import Tokens

__all__ = ["Attention", "HeadSummaries", "SumCheck", "Tokens"]
