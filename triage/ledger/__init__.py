"""The ledger of events: what they are, their canonical text, and the proof that none was changed."""
