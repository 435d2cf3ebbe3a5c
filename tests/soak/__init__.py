"""Long runs that the suite has in short: `make soak`."""
