"""birdworld: birds drawn by rules, so that every part, concept and background of a picture is known.

    from interpwidgets.worlds import birdworld

    birds = birdworld.draw(16, seed=0)                     # images, labels, concepts, masks of parts
    same = birdworld.draw(16, seed=0, head="green")        # the same birds with one thing changed
    easy = birdworld.draw(16, seed=0, confounded=1.0)      # every species in front of its own background
    iw.load("birdworld"), iw.load("birdworld/vit")         # a prototype network and a vision transformer

Eight species, made so that no single concept names one: each has a twin that differs in one concept only. Drawing needs
numpy and Pillow; a network is loaded only when asked for.
"""

from .draw import Birds, draw
from .shipped import folder, network, test_set, train_set
from .species import BACKGROUNDS, CLASSES, CONCEPTS, HOMES, PARTS, SPECIES, Species, difference, twin

__all__ = [
    "BACKGROUNDS", "CLASSES", "CONCEPTS", "HOMES", "PARTS", "SPECIES",
    "Birds", "Species", "difference", "draw", "folder", "network", "test_set", "train_set", "twin",
]  # fmt: skip
