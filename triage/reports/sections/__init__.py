"""The sections of the audit report, one function each."""
