"""`triage benchmark`: every method on the same draws, sets and members.

`methods` reads what is asked for, `protocol` says what is held equal, `prepare` makes one draw's
sets and ensembles, `measure` runs the methods on it and keeps records, `summary` turns records into
the result, `run` joins them.
"""
