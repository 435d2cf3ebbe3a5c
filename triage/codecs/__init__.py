"""Decoders of coded pixels that several containers use; incomplete data are refused."""
