"""The app's own HTTP routes, on the port that Streamlit serves: decisions in, items and pictures out.

core.guards says who may call them.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from core import bulk_routes, media_routes, review_routes
from core.guards import FRESH, Refused, handler, same_origin
from core.paths import inside
from core.review.people import Role
from core.session_token import check_download
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
        ("media/{dataset}", media_routes.media, GET),
        ("exports/{dataset}/{file}", _export, GET),
    )
    return [Route(f"/labelmend/{path}", handler(shared, answer), methods=m) for path, answer, m in answers]


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
