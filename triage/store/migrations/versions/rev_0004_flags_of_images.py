"""What decoding an image did or doubted, such as a conversion of its colours."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column; of images from before nothing is known."""
    op.add_column("image", sa.Column("flags", sa.JSON(), nullable=True))
