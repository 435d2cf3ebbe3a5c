"""Untrusted files to pixels, in child processes with limits on memory, CPU time and wall time."""
