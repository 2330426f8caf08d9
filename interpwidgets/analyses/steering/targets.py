"""What can be turned: factories of steering targets, ``iw.targets.feature(sae, 871)`` and so on."""

from __future__ import annotations

from interpwidgets.analyses.steering import contrast, makers, naming


class targets:  # noqa: N801 - a drawer of functions, used like a module
    """What can be turned up and down in a model: each of these makes one `SteeringTarget`.

    >>> happy = iw.targets.difference(lm, "resid_post.2", ["What a good day"], ["What a bad day"])
    >>> quiet = iw.targets.head(lm, 2, 1)
    """

    feature = staticmethod(makers.feature)
    direction = staticmethod(makers.direction)
    difference = staticmethod(contrast.difference)
    neuron = staticmethod(makers.neuron)
    head = staticmethod(makers.head)
    layers = staticmethod(makers.layers)
    vector = staticmethod(makers.vector)
    random = staticmethod(makers.random)
    parse = staticmethod(naming.parse)
    of = staticmethod(naming.of)


feature, direction, difference, neuron = makers.feature, makers.direction, contrast.difference, makers.neuron
head, layers, vector, random = makers.head, makers.layers, makers.vector, makers.random
parse, of = naming.parse, naming.of
