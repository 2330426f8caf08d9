"""Steering: reach into a model by a number, and see at once what it says instead.

`targets` makes what can be turned, `SteeringSession` answers for one prompt, `Writer` continues the text piece by
piece, `perplexity` says how odd the continuation is to the unsteered model.
"""

from interpwidgets.analyses.steering.perplexity import perplexity
from interpwidgets.analyses.steering.session import SteeringSession
from interpwidgets.analyses.steering.writer import Writer

__all__ = ["SteeringSession", "Writer", "perplexity"]
