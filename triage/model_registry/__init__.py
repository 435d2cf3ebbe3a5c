"""Which bundles are in use: proposals and approvals, rollback, shadow scoring, differences."""
