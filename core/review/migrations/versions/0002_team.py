"""What a team needs: details of an event, what it was based on, final words, and claims."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("decisions", sa.Column("detail", sa.Text, nullable=False, server_default=""))
    op.add_column("decisions", sa.Column("based_on", sa.BigInteger))
    op.add_column("decisions", sa.Column("final", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index("decisions_undoes", "decisions", ["undoes"])
    op.create_table(
        "claims",
        sa.Column("dataset", sa.Text, primary_key=True),
        sa.Column("row_id", sa.Text, primary_key=True),
        sa.Column("annotator", sa.Text, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("claims_dataset_annotator", "claims", ["dataset", "annotator"])
