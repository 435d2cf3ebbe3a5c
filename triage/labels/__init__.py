"""Labels with provenance: votes of several readers, import, and candidates for label errors."""
