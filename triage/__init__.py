"""Medical image triage that says when it does not know."""

__version__ = "0.1.0"
