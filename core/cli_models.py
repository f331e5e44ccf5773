"""What the command line does with a model's predictions."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from core.errors import InputError, refuse

if TYPE_CHECKING:
    from core.loading import Prepared
    from core.workspace import Workspace


def store(workspace: Workspace, prepared: Prepared, in_order: bool) -> str:
    """Store a data set as checked, and say what was found; its name.

    in_order: somebody said that rows without ids are in the order of the data. Where nobody did, the labels
    must not speak against it. Raises InputError with every error of the check.
    """
    for problem in prepared.problems:
        if problem.severity != "error":
            print(f"{problem.severity}: {problem}", file=sys.stderr)
    if errors := [p for p in prepared.problems if p.severity == "error"]:
        raise InputError(*errors)
    if prepared.order_doubted and not in_order:
        found = "rows are matched by their order, and they agree with the labels no better than by chance"
        mend = "give predictions with an id column; if the rows are in the order of the data, say --in-order"
        raise refuse(found, file=", ".join(prepared.by_order), mend=mend)
    return workspace.save(prepared)
