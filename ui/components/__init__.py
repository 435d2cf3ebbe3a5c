"""Components of the pages that run in the browser: plain JavaScript, no request to other servers.

Each has a module here, which says what it takes and returns, and a folder in `assets` with its
markup, style and scripts.
"""
