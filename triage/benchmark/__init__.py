"""The benchmark: comparison of methods on the same draws, sets and ensembles.

`methods` parses the methods and `score_pairs` the pairs to compare, `protocol` defines what is
equal for all methods, `embedding` and `prepare_draw` make one draw's sets and ensembles,
`run_method` runs a method on it, `draw_job` writes the records of a draw, `draw_task` makes it a
task of an engine, `summary` computes the result from the records, `run` is the main function.
"""
