"""Audits: metrics of a system by group, with intervals, judged against limits that a plan states.

`AuditPlan` is what is decided before the data are read, `AuditTable` the cases, `measure_audit`
measures one by the other.
"""
