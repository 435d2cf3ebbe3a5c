"""Parts of the uncertainty: how ambiguous a case is, how much the members disagree, in nats."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; of predictions from before nothing is known."""
    for name in ("aleatoric", "epistemic"):
        op.add_column("prediction", sa.Column(name, sa.Double(), nullable=True))
