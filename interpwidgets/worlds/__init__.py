"""Models and data with known answers, so that a picture can be checked against the truth.

``interpwidgets.worlds.storyworld`` is a small language model of little stories, with a generator that labels what it
writes, a training recipe of one command and trained weights in the wheel. ``interpwidgets.worlds.birdworld`` draws
birds whose parts and concepts are known, with a prototype network and a small vision transformer that learnt from them.
``interpwidgets.worlds.planted`` is constructed, not trained: dictionaries, factors, subspaces and a transformer whose
weights were written by hand.
"""
