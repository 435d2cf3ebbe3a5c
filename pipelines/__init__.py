"""Verbs that join the rooms (train, score, evaluate, retrain, report, demo) on a command line."""
