"""The report of a run of monitoring: one page, and its points and alarms as CSV files."""
