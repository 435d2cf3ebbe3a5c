"""Cases that arrive: tables of files, their scores, and their way into the case database."""
