"""Serving of the reviewer's pages: sign-in, sessions, TLS and the checks before every request."""
