"""`triage benchmark`: every method on the same draws, sets and members.

`methods` reads what is asked for and `pairs` what is to be compared, `protocol` says what is held
equal, `embedding` and `prepare` make one draw's sets and ensembles, `measure` runs the methods on
it, `draw_job` keeps the records of a draw, here or in a process of its own (`side_by_side`),
`summary` turns records into the result, `run` joins them.
"""
