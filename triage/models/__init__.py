"""Networks and their training: backbones, embeddings, heads, losses.

Torch lives here; of the other rooms only `systems` and `pipelines` may import this one.
"""
