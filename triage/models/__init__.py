"""Networks and their training: backbones, embeddings, heads, losses.

This package uses torch; of the other packages only those in MAY_IMPORT_TORCH of
tests/test_architecture.py may import it.
"""
