"""Verbs that join the rooms: train, score, evaluate, retrain, report, demo, and the command line."""
