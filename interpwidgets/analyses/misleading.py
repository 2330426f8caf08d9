"""Prototypes that may mislead the eye: what looks alike is not what the similarity rests on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from interpwidgets.errors import InputError
from interpwidgets.records.prototype_reasons import CHARACTERISTICS

# Structural similarity from which two patches look alike, and below which they do not; and the same for the colour
# difference ΔE. On the birds of birdworld these are near the middle of the patches that a prototype found similar, and
# near the middle of patches taken at random.
ALIKE_STRUCTURE, UNLIKE_STRUCTURE = 0.5, 0.2
ALIKE_COLOUR, UNLIKE_COLOUR = 8.0, 14.0
# Only prototypes that act can mislead: at least this share of the largest similarity in the image ...
ACTIVE = 0.5
# ... and that lose at least this share of it by some change.
NEEDED = 0.05
# One kind of reason outweighs another when it takes this many times as much away.
TIMES = 2.0
COLOUR = ("hue", "saturation", "brightness")
STRUCTURE = ("shape", "texture")  # contrast is both: it stays out of the comparison
SEEN = ("hue", "saturation", "contrast", "brightness", "shape")  # all but fine texture
SIDE = 24  # pixels: larger patches are made smaller before they are compared
STEPS = 7  # places along each side at which the one patch is laid on the other
Box = tuple[int, int, int, int]


def likeness(image: np.ndarray, box: Box, other: np.ndarray, other_box: Box) -> tuple[float, float]:
    """How alike two patches look to the eye, in structure and in colour, wherever exactly the parts lie in them.

    Structure is the structural similarity of the grey patches (Wang et al. 2004, "Image Quality Assessment: From Error
    Visibility to Structural Similarity"), ``(2 m m' + c₁) (2 cov + c₂) / ((m² + m'² + c₁) (v + v' + c₂))`` with one
    window over the whole patch: 1 for equal patches, 0 for unrelated ones. The eye finds a head alike that is a few
    pixels off or looks the other way, so it is the best over small shifts (up to a quarter of the side) and mirroring.

    Colour is the mean distance from each pixel's colour to the nearest colour in the other patch, both ways, as ΔE of
    CIE Lab: 0 for the same colours in any arrangement; 2.3 is just noticeable.

    Args:
        image, other: ``[height, width, 3]`` uint8.
        box, other_box: the patches, (top, left, bottom, right) in pixels.

    Returns:
        Structural similarity, and ΔE.
    """
    from skimage.color import rgb2gray, rgb2lab

    height = min(box[2] - box[0], other_box[2] - other_box[0])
    width = min(box[3] - box[1], other_box[3] - other_box[1])
    if min(height, width) < 1:
        raise InputError(expected="patches with pixels", got="an empty box", fix="Check the boxes of the record.")
    top, left = _middle(box, height, width)
    y, x = _middle(other_box, height, width)
    size = _smaller(height, width)
    mine = image[top : top + height, left : left + width]
    theirs = other[y : y + height, x : x + width]
    colour = _colour_distance(*(rgb2lab(_resized(patch, *size)).reshape(-1, 3) for patch in (mine, theirs)))
    rows = _shifts(top, height, image.shape[0])
    columns = _shifts(left, width, image.shape[1])
    shifted = [image[r : r + height, c : c + width] for r in rows for c in columns]
    stack = np.stack([rgb2gray(_resized(patch, *size)) for patch in shifted])
    target = rgb2gray(_resized(theirs, *size))
    structure = max(float(_structure(stack, way).max()) for way in (target, target[:, ::-1]))
    return structure, colour


def misleading(
    importance: np.ndarray, similarities: np.ndarray, structure: np.ndarray, colour: np.ndarray
) -> dict[int, str]:
    """Which prototypes may mislead, and why in one sentence.

    The eye sees two patches that are alike, or not, in structure and in colour; the network's reasons say what the
    similarity rests on. A prototype is flagged when the two disagree:

    - it looks alike in structure and colour, and the similarity rests on fine texture, which the eye overlooks;
    - it looks alike in colour but not in structure, and rests on shape or texture rather than on colour;
    - it looks alike in structure but not in colour, and rests on hue, saturation or brightness rather than on shape;
    - it looks alike in neither, and the network still finds it similar.

    It "rests on" one kind rather than another where the strongest change of the one takes at least twice as much away.
    Prototypes with less than half of the image's largest similarity, or that lose under 5 % of it by every change, are
    left out: they do not act, or their reasons are not known.

    Args:
        importance: ``[prototype, characteristic]`` similarity lost.
        similarities: ``[prototype]`` before the changes.
        structure, colour: ``[prototype]`` as `likeness` gives them; NaN where a prototype has no patch to look at.
    """
    found: dict[int, str] = {}
    top = float(np.nanmax(similarities)) if np.isfinite(similarities).any() else 0.0
    for p, (value, alike, apart) in enumerate(zip(similarities, structure, colour, strict=True)):
        row = np.nan_to_num(importance[p].astype(np.float64)).tolist()
        lost: dict[str, float] = dict(zip(CHARACTERISTICS, row, strict=True))
        acts = value > 0 and value >= ACTIVE * top and max(lost.values()) >= NEEDED * value
        if not (acts and np.isfinite(alike) and np.isfinite(apart)):
            continue
        seen = f"structural similarity {alike:.2f}, colour difference ΔE {apart:.0f}"
        if alike >= ALIKE_STRUCTURE and apart <= ALIKE_COLOUR:
            said = _against(lost, ("texture",), SEEN, value)
            if said:
                found[p] = f"The patches look alike ({seen}), but the similarity rests on fine texture: {said}."
        elif apart <= ALIKE_COLOUR and alike < UNLIKE_STRUCTURE:
            said = _against(lost, STRUCTURE, COLOUR, value)
            if said:
                found[p] = f"The patches share their colours ({seen}), but the similarity rests on structure: {said}."
        elif alike >= ALIKE_STRUCTURE and apart > UNLIKE_COLOUR:
            said = _against(lost, COLOUR, STRUCTURE, value)
            if said:
                found[p] = f"The patches share their structure ({seen}), but the similarity rests on colour: {said}."
        elif alike < UNLIKE_STRUCTURE and apart > UNLIKE_COLOUR:
            main = max(lost, key=lambda name: lost[name])
            found[p] = (
                f"The patches look different ({seen}), yet the network finds them similar: "
                f"changing {main} takes away {lost[main]:.2f} of {value:.2f}."
            )
    return found


def _against(lost: dict[str, float], one: Sequence[str], other: Sequence[str], value: float) -> str | None:
    """What the strongest change of one kind and of the other take away, where the one outweighs the other."""
    mine, theirs = (max(names, key=lambda name: lost[name]) for names in (one, other))
    if lost[mine] <= 0 or lost[mine] < TIMES * max(0.0, lost[theirs]):
        return None
    return f"changing {mine} takes away {lost[mine]:.2f} of {value:.2f}, changing {theirs} {lost[theirs]:.2f}"


def _structure(patches: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Structural similarity of several grey patches in 0 to 1 with another one, each as one window."""
    first, second = 0.01**2, 0.03**2
    means, mean = patches.mean((1, 2)), other.mean()
    centred = patches - means[:, None, None]
    variances, variance = (centred**2).mean((1, 2)), other.var()
    covariance = (centred * (other - mean)).mean((1, 2))
    light = (2 * means * mean + first) / (means**2 + mean**2 + first)
    return light * (2 * covariance + second) / (variances + variance + second)


def _colour_distance(colours: np.ndarray, others: np.ndarray) -> float:
    from scipy.spatial.distance import cdist

    apart = cdist(colours, others)
    return float((apart.min(0).mean() + apart.min(1).mean()) / 2)


def _middle(box: Box, height: int, width: int) -> tuple[int, int]:
    """Where a patch of this size lies in the middle of a box."""
    return (box[0] + box[2] - height) // 2, (box[1] + box[3] - width) // 2


def _shifts(start: int, side: int, whole: int) -> list[int]:
    """Starts of patches up to a quarter of the side away, inside the image; the unshifted one is among them."""
    reach = side // 4
    steps = np.linspace(-reach, reach, STEPS).round().astype(int)
    return sorted({start + int(d) for d in steps if start + d >= 0 and start + d + side <= whole} | {start})


def _smaller(height: int, width: int) -> tuple[int, int]:
    scale = min(1.0, SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _resized(patch: np.ndarray, height: int, width: int) -> np.ndarray:
    if patch.shape[:2] == (height, width):
        return np.ascontiguousarray(patch)
    return np.asarray(Image.fromarray(np.ascontiguousarray(patch)).resize((width, height), Image.Resampling.BOX))
