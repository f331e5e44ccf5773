"""Masks drawn to lie over their pictures: a colour for each class, half transparent in the browser."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from core.dataset import Dataset
from core.decoding import MediaError, Picture
from core.mask_files import Model, given_mask
from core.masks import VOID
from core.media import SIZES

LAYERS = ("given", "predicted", "differ")
# Okabe and Ito (2008), which people with any colour blindness tell apart, then Tol's muted ones.
COLOURS = (
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#000000",
    "#332288", "#88ccee", "#44aa99", "#117733", "#999933", "#ddcc77", "#cc6677", "#882255", "#aa4499",
)  # fmt: skip
DIFFERS = "#d55e00"
_MOST_NAMED = 40


def overlay(dataset: Dataset, position: int, layer: str) -> Picture:
    """The row's mask as a PNG with a colour a class, void clear; "differ": where given and predicted do.

    At most SIZES["full"] pixels wide and high, every n-th pixel of a larger one. Raises MediaError.
    """
    masks = dataset.masks
    if masks is None:
        raise MediaError("This data set has no masks.")
    if layer == "given":
        return _painted(given_mask(masks, position), COLOURS)
    said = Model(masks).says(position)
    if said is None:
        raise MediaError("No model has said anything of this row's mask.")
    if layer == "predicted":
        return _painted(said.mask, COLOURS)
    given = given_mask(masks, position)
    if given.shape != said.mask.shape:
        raise MediaError("The given and the predicted mask have different sizes.")
    apart = (given != said.mask) & (given != VOID) & (said.mask != VOID)
    return _painted(np.where(apart, 0, VOID).astype(np.uint8), (DIFFERS,))


def shown(dataset: Dataset, position: int, hidden: bool) -> dict[str, Any] | None:
    """What the review surface offers of a row's masks: layers, and [class, colour] of those in them.

    hidden: nothing that a model says may be told. None where the row has no mask.
    """
    masks = dataset.masks
    if masks is None or not masks.rows["given"].iloc[position]:
        return None
    row = masks.rows.iloc[position]
    model = not hidden and (bool(row["predicted"]) or int(row["number"]) >= 0)
    codes = range(len(masks.names)) if hidden or not row["classes"] else map(int, row["classes"].split())
    legend = [(masks.names[k], COLOURS[k % len(COLOURS)]) for k in codes if k < len(masks.names)]
    return {
        "layers": list(LAYERS if model else LAYERS[:1]),
        "legend": legend[:_MOST_NAMED],
        "more": max(0, len(legend) - _MOST_NAMED),
        "differs": DIFFERS,
    }


def _painted(mask: np.ndarray, colours: tuple[str, ...]) -> Picture:
    from PIL import Image

    step = -(-max(mask.shape) // SIZES["full"])
    image = Image.fromarray(np.ascontiguousarray(mask[::step, ::step])).convert("L")
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette([part for k in range(256) for part in bytes.fromhex(colours[k % len(colours)][1:])])
    out = io.BytesIO()
    image.save(out, "PNG", transparency=bytes([255] * VOID + [0]), compress_level=3)
    return Picture(out.getvalue(), "image/png")
