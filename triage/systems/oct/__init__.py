"""Trained systems for OCT volumes: two stages, every pair of instances a member."""
