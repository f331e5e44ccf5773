"""Pictures over HTTP: a row's large view, its thumbnail, a tile of a large picture, or its mask."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from core.dataset import Dataset
from core.desk import Desk
from core.guards import SAFE, Refused, refusal, same_origin, whole
from core.limits import DECODING, LARGE_PICTURES
from core.mask_overlay import LAYERS, overlay
from core.media import SIZES, MediaError, Picture, picture, placeholder, takes_seconds, thumbnail, tile
from core.review.people import Role
from core.session_token import check_media
from core.team import Team


async def media(team: Team, request: Request) -> Response:
    """A row's picture. An <img> sends no header, so that its token is in the address."""
    same_origin(request, required=False)
    name, params = request.path_params["dataset"], request.query_params
    person = check_media(team.desk.workspace.secret(), params.get("token"), name)
    await run_in_threadpool(team.people.require, person, Role.VIEWER)
    size = params.get("size", "full")
    if size not in (*SIZES, "tile", "mask"):
        raise Refused(400, f"size is one of {', '.join(SIZES)}, tile, mask.")
    layer = params.get("layer", LAYERS[0])
    if layer not in LAYERS:
        raise Refused(400, f"layer is one of {', '.join(LAYERS)}.")
    place = [whole(params, axis) or 0 for axis in ("level", "x", "y")]
    dataset, position = await run_in_threadpool(_found, team.desk, name, params.get("row", ""))
    if size == "mask" and layer != LAYERS[0]:
        hidden = await run_in_threadpool(team.hidden, name, person)
        if hidden[position]:
            raise Refused(403, "What the model says of this row is not shown to you.")
    cache_dir = team.desk.workspace.cache_dir

    def made() -> Picture:
        if size == "mask":
            return overlay(dataset, position, layer)
        if size == "tile":
            return tile(dataset, position, cache_dir, *place)
        return (
            thumbnail(dataset, position, cache_dir) if size == "thumb" else picture(dataset, position, size)
        )

    try:
        slow = size != "mask" and await run_in_threadpool(takes_seconds, dataset, position, size, cache_dir)
        shown = await (LARGE_PICTURES if slow else DECODING).run(made)
    except MediaError as error:
        if size == "thumb":  # a list keeps its shape; the large view says what is wrong
            return _shown(placeholder(), "no-store")
        return refusal(422, str(error))
    if size == "mask":
        return _shown(shown, "private, no-cache")  # the address has no digest of the mask
    # The address holds the file's digest and a token, so that it means these bytes for good.
    return _shown(shown, "private, max-age=86400, immutable")


def _found(desk: Desk, name: str, row: str) -> tuple[Dataset, int]:
    dataset = desk.project(name).dataset
    position = int(dataset.positions([row])[0])
    if position < 0:
        raise Refused(404, f"Row {row} is not in this project.")
    return dataset, position


def _shown(made: Picture, caching: str) -> Response:
    return Response(made.data, media_type=made.media_type, headers={**SAFE, "Cache-Control": caching})
