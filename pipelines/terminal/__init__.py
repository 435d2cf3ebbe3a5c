"""What verbs print on a terminal: tables and progress bars."""
