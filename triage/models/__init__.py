"""Networks and their training: backbones, embeddings, heads, losses. The only room that needs torch."""
