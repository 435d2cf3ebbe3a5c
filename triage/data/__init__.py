"""Data: what a spec declares, the cases its rows make, their roles, and splits without leaks."""
