"""Words that several packages share: every enumeration and constant, each in one place."""
