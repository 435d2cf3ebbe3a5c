"""Trained systems for photographs and single B-scans: heads on the embeddings of backbones."""
