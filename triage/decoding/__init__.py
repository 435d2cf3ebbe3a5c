"""Decoding of untrusted files in child processes with limits on memory, CPU time and wall time."""
