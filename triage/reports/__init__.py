"""Reports for people who must be able to check: one model, rendered in every format.

An `AuditReport` is everything that a report says, and `report.json` is it. `build_document` makes
the blocks that `render_all` renders to HTML, PDF and CSV.
"""
