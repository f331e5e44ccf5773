"""Images: a function of the user's own, from paths of pictures to numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from core.dataset import Dataset
from core.decoding import MediaError
from core.media import media_path
from core.models._base import Embedder, Features, Pretrained
from core.models._beside import Beside, Rows
from core.models._callable import named_function
from core.models._pictures import centred, pictures_of, unread_remark
from core.progress import Progress

_AT_ONCE = 16


def _open(weights: str, download: bool, progress: Progress) -> Embedder:
    function, sha = named_function(weights)
    return Embedder(
        "image_callable", weights, "image", 1, partial(_features, function, weights), sha, weights
    )


def _features(
    function: Callable[[list[str]], Any], title: str, dataset: Dataset, seed: int, progress: Progress
) -> Features:
    count = pictures_of(dataset)
    paths: dict[int, str] = {}
    why = ""
    for row in range(count):
        progress.report(0, "looking for pictures")
        try:
            paths[row] = str(media_path(dataset, row))
        except MediaError as error:
            why = why or str(error)
    unread = [row for row in range(count) if row not in paths]
    remarks = unread_remark(dataset, unread, why)
    rows, there = Rows(count, title), list(paths)
    with Beside() as beside:
        for start in range(0, len(there), _AT_ONCE):
            batch = there[start : start + _AT_ONCE]
            part = progress.part(start / len(there), 1, "reading pictures")
            rows.put(batch, beside.run(partial(function, [paths[row] for row in batch]), part))
    return Features(centred(rows.values(), unread), remarks)


IMAGE_CALLABLE = Pretrained(
    "image_callable",
    "a function of your own",
    "image",
    (),
    "",
    "module:function, from a list of paths to numbers of shape (n, D); called for 16 paths at a time",
    "as fast as it is",
    _open,
    runs_code=True,
)
