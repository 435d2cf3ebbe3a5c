"""Stub: the revision before the accounts."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Change nothing."""
