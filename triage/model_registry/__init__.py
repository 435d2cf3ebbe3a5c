"""Which bundle is in use: proposals and approvals of two people, rollback, shadows, differences."""
