"""Coded pixels that several containers hold: decoded whole, or refused."""
