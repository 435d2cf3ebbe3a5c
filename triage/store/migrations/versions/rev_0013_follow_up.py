"""What is to follow where the AI abstained, as the reader answered it with the decision."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the column; readers of earlier releases were not asked."""
    op.add_column("read", sa.Column("follow_up", sa.JSON(), nullable=True))
