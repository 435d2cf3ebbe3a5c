"""Charts of audits."""
