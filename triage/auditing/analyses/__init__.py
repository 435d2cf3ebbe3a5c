"""PLACEHOLDER of the skeleton."""
