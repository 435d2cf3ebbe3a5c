"""Monitoring of a system in use: control charts, drift tests, estimated accuracy, alarms."""
