"""One characteristic of an image changed at a time: hue, saturation, contrast, brightness, shape, texture.

To ask what a similarity rests on, take one characteristic away and leave the others as they are (Nauta et al. 2021,
"This Looks Like That, Because ..."). Colour and light by Pillow, the sine warp and non-local means by scikit-image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance

from interpwidgets.errors import InputError
from interpwidgets.records.prototype_reasons import CHARACTERISTICS

REFERENCE = 224  # pixels: the side of the images for which the strengths of shape were chosen
PATCH, SEARCH = 7, 10  # of non-local means: patches of 7 x 7 pixels, compared within 10 pixels around


@dataclass(frozen=True)
class ImageChanges:
    """How strongly each characteristic is changed; the defaults are the paper's.

    Args:
        hue: how far round the colour circle, in turns; 0 changes nothing.
        saturation: the share of saturation that stays; 1 changes nothing, 0 gives grey.
        contrast: the share of contrast that stays, towards the image's mean grey; 1 changes nothing.
        brightness: the factor of brightness; 1 changes nothing, 0 gives black.
        shape: amplitude of the sine waves along which columns are moved up and down and rows left and right, in pixels
            of an image of side 224; 0 changes nothing. Smaller images are moved less in proportion, so that they look
            bent alike. Both ways, so that edges of every direction are bent.
        shape_frequency: of these waves, in waves per pixel of an image of side 224, scaled likewise.
        texture: strength h of the smoothing by non-local means, in grey values of 255: differences within patches well
            below it disappear, edges stay; 0 changes nothing.
    """

    hue: float = 0.1
    saturation: float = 0.7
    contrast: float = 0.45
    brightness: float = 0.8
    shape: float = 4.0
    shape_frequency: float = 0.05
    texture: float = 4.0

    def __post_init__(self) -> None:
        for name in (*CHARACTERISTICS, "shape_frequency"):
            value = getattr(self, name)
            number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
            if not number or not math.isfinite(value) or (name != "hue" and value < 0):
                raise InputError(
                    expected=f"{name} as a finite number" + ("" if name == "hue" else ", at least 0"),
                    got=repr(value),
                    fix=f"The default is {getattr(type(self), name)}.",
                )

    def idle(self, characteristic: str) -> bool:
        """Whether this strength changes nothing."""
        value = getattr(self, characteristic)
        if characteristic == "hue":
            return float(value) % 1 == 0
        if characteristic == "shape":
            return value == 0 or self.shape_frequency == 0
        return value == (0 if characteristic == "texture" else 1)

    def apply(self, image: np.ndarray, characteristic: str) -> np.ndarray:
        """The image with one characteristic changed.

        Args:
            image: ``[height, width, 3]`` uint8.
            characteristic: one of hue, saturation, contrast, brightness, shape, texture.

        Returns:
            The same shape, uint8; the image itself where the strength changes nothing.

        Raises:
            InputError: an unknown characteristic, or no such image.
        """
        if characteristic not in CHARACTERISTICS:
            raise InputError(
                expected=f"one of {', '.join(CHARACTERISTICS)}", got=repr(characteristic), fix="Choose one of them."
            )
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
            got = f"{image.dtype} {list(image.shape)}" if isinstance(image, np.ndarray) else type(image).__name__
            raise InputError(
                expected="an image [height, width, 3] of uint8",
                got=got,
                fix="Convert it: np.asarray(picture.convert('RGB')).",
            )
        if self.idle(characteristic):
            return image
        value = float(getattr(self, characteristic))
        if characteristic == "shape":
            return _bent(image, value, self.shape_frequency)
        if characteristic == "texture":
            return _smoothed(image, value)
        picture = Image.fromarray(image)
        if characteristic == "hue":
            return _turned(picture, value)
        enhance: Any = {
            "saturation": ImageEnhance.Color,
            "contrast": ImageEnhance.Contrast,
            "brightness": ImageEnhance.Brightness,
        }[characteristic]
        return np.asarray(enhance(picture).enhance(value))

    def strengths(self, height: int, width: int) -> dict[str, float]:
        """What is done to an image of this size, with the wave in pixels of the image itself."""
        return {
            **{name: float(getattr(self, name)) for name in CHARACTERISTICS},
            "shape": float(self.shape) * height / REFERENCE,
            "shape_frequency": float(self.shape_frequency) * REFERENCE / width,
        }


def _turned(picture: Image.Image, turns: float) -> np.ndarray:
    """Another hue, the same saturation and value, in Pillow's HSV of 256 hues."""
    hsv = np.array(picture.convert("HSV"))
    hsv[..., 0] = (hsv[..., 0].astype(np.int64) + round(256 * turns)) % 256
    return np.asarray(Image.fromarray(hsv, "HSV").convert("RGB"))


def _bent(image: np.ndarray, amplitude: float, frequency: float) -> np.ndarray:
    """Columns and rows moved along sine waves, between pixels linearly; the border is continued."""
    from skimage.transform import warp

    size = np.array([image.shape[1], image.shape[0]])  # (width, height), as the places are (column, row)

    def back(places: np.ndarray) -> np.ndarray:
        waves = np.sin(2 * np.pi * frequency * places * REFERENCE / size)
        return places - amplitude * size / REFERENCE * waves[:, ::-1]

    bent = warp(image, back, order=1, mode="edge", preserve_range=True)
    return np.rint(bent).clip(0, 255).astype(np.uint8)


def _smoothed(image: np.ndarray, strength: float) -> np.ndarray:
    """Non-local means (Buades et al. 2005): each pixel the mean of those whose surroundings look alike."""
    from skimage.restoration import denoise_nl_means

    smooth = denoise_nl_means(
        image / 255.0, patch_size=PATCH, patch_distance=SEARCH, h=strength / 255.0, fast_mode=True, channel_axis=-1
    )
    return np.rint(smooth * 255.0).clip(0, 255).astype(np.uint8)
