"""What a picture made small says of its brightness, sharpness, information and colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

SIDE = 64
"""The longest side of the small picture that is measured; smaller pictures are measured as they are."""
FACTS = np.dtype(
    [
        ("looked", "?"),
        ("too_large", "?"),
        ("width", "i4"),
        ("height", "i4"),
        ("darkest", "f4"),
        ("brightest", "f4"),
        ("entropy", "f4"),
        ("edges", "f4"),
        ("grey", "?"),
    ]
)
"""Of one picture. looked: whether it was decoded; all else but too_large and the size is 0 where not.
too_large: more pixels than are decoded here. width, height: pixels in the file.
darkest, brightest: 5th and 99th percentile of the perceived brightness of the pixels, in [0, 1].
entropy: bits of the histograms of the channels, 0 to 8 + log2(3). edges: deviation of the grey levels that
an edge filter leaves, 0 to 255; NaN for a picture without a pixel that is not on its border.
grey: whether nothing in it has a colour."""

_EYE = np.array([0.241, 0.691, 0.068], np.float32)
_COLOUR = 2  # of 255: rounding makes channels of a grey JPEG differ by one
_BLOCK = 4  # pixels that are averaged before; one coloured pixel of sixteen is still seen


def measure(image: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """() of FACTS for one picture, decoded as RGB; size: (width, height) in the file.

    Source: cleanvision 0.3 (github.com/cleanlab/cleanvision, image_property.py), which measures edges on 64
    pixels too, brightness and entropy on the whole picture. Brightness: sqrt(0.241 R^2 + 0.691 G^2 +
    0.068 B^2). Edges: Pillow's FIND_EDGES, which leaves the pixels of the border as they are; cleanvision
    counts those in, so that a bright picture passes for a sharp one however blurred it is, and we do not.
    """
    from PIL import Image, ImageFilter

    ratio = max(image.size) / SIDE
    if ratio > 1:
        smaller = (max(int(image.width // ratio), 1), max(int(image.height // ratio), 1))
        image = image.resize(smaller, Image.Resampling.BOX)
    pixels = np.asarray(image)
    light = np.sqrt(np.sort((np.square(pixels, dtype=np.float32) @ _EYE).ravel()))
    grey_levels = image.convert("L")
    facts = np.zeros((), FACTS)
    facts["looked"] = True
    facts["width"], facts["height"] = size
    facts["darkest"], facts["brightest"] = (light[[_at(0.05, len(light)), _at(0.99, len(light))]] / 255).clip(
        0, 1
    )
    facts["entropy"] = image.entropy()
    inner = np.asarray(grey_levels.filter(ImageFilter.FIND_EDGES))[1:-1, 1:-1]
    facts["edges"] = inner.std() if inner.size else np.nan
    facts["grey"] = _is_grey(np.asarray(image.reduce(_BLOCK)))
    return facts


def _at(share: float, count: int) -> int:
    return round(share * (count - 1))


def _is_grey(pixels: np.ndarray) -> bool:
    red, green, blue = (pixels[..., channel].astype(np.int16) for channel in range(3))
    return int(abs(red - green).max()) <= _COLOUR and int(abs(green - blue).max()) <= _COLOUR
