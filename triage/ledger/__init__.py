"""The ledger of events: their types, canonical text and hash chain, and signed checkpoints."""
