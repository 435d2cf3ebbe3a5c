"""Backbones: what turns the files of a case into embeddings."""
