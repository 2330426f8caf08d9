"""Models and data with known answers, so that a picture can be checked against the truth.

Each world is its own subpackage with a generator that labels what it makes, a training recipe of one command, and
trained weights in the wheel: ``interpwidgets.worlds.storyworld`` is a small language model of little stories.
"""
