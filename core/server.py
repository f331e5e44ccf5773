"""The app's own HTTP routes, on the port that Streamlit serves: decisions in, items and pictures out.

core.guards says who may call them.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from core import bulk_routes, review_routes
from core.desk import Desk
from core.guards import FRESH, SAFE, Refused, handler, refusal, same_origin
from core.limits import DECODING
from core.media import SIZES, MediaError, picture, placeholder, thumbnail
from core.paths import inside
from core.review.people import Role
from core.session_token import check_download, check_media
from core.team import Team, shared_team
from core.workspace import Workspace

GET, POST = ["GET"], ["POST"]


def routes(workspace: Workspace, team: Team | None = None) -> list[Route]:
    """Every route of ours. team: for tests; by default the workspace's own."""
    shared = team or shared_team(workspace)
    answers = (
        ("decisions", review_routes.decisions, POST),
        ("release", review_routes.release, POST),
        ("items", review_routes.items, GET),
        ("neighbours", review_routes.neighbours, GET),
        ("text", review_routes.text, GET),
        ("timeline", review_routes.timeline, GET),
        ("pulse", review_routes.pulse, GET),
        ("tiles", bulk_routes.queue, GET),
        ("similar", bulk_routes.similar, GET),
        ("bulk", bulk_routes.on_many, POST),
        ("media/{dataset}", _media, GET),
        ("exports/{dataset}/{file}", _export, GET),
    )
    return [Route(f"/labelmend/{path}", handler(shared, answer), methods=m) for path, answer, m in answers]


async def _media(team: Team, request: Request) -> Response:
    """A row's picture. An <img> sends no header, so that its token is in the address."""
    same_origin(request, required=False)
    name, params = request.path_params["dataset"], request.query_params
    person = check_media(team.desk.workspace.secret(), params.get("token"), name)
    await run_in_threadpool(team.people.require, person, Role.VIEWER)
    size = params.get("size", "full")
    if size not in SIZES:
        raise Refused(400, f"size is one of {', '.join(SIZES)}.")
    return await DECODING.run(_picture, team.desk, name, params.get("row", ""), size)


def _picture(desk: Desk, name: str, row: str, size: str) -> Response:
    dataset = desk.project(name).dataset
    position = int(dataset.positions([row])[0])
    if position < 0:
        raise Refused(404, f"Row {row} is not in this project.")
    try:
        if size == "thumb":
            made = thumbnail(dataset, position, desk.workspace.cache_dir)
        else:
            made = picture(dataset, position, size)
    except MediaError as error:
        if size == "thumb":  # a list keeps its shape; the large view says what is wrong
            return _shown(placeholder().data, "image/png", "no-store")
        return refusal(422, str(error))
    # The address holds the file's digest and a token, so that it means these bytes for good.
    return _shown(made.data, made.media_type, "private, max-age=86400, immutable")


async def _export(team: Team, request: Request) -> Response:
    """A corrected file, streamed from the disk."""
    same_origin(request, required=False)
    name, file = request.path_params["dataset"], request.path_params["file"]
    person = check_download(team.desk.workspace.secret(), request.query_params.get("token"), name)
    await run_in_threadpool(team.people.require, person, Role.OWNER)
    path = inside(team.desk.workspace.exports(name), file)
    if path is None or not path.is_file():
        raise Refused(404, "There is no such export. Write it on the Export page.")
    return FileResponse(path, filename=path.name, media_type="application/octet-stream", headers=FRESH)


def _shown(data: bytes, media_type: str, caching: str) -> Response:
    return Response(data, media_type=media_type, headers={**SAFE, "Cache-Control": caching})
