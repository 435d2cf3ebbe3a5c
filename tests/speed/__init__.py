"""Speed, measured as ratios within one run and never asserted: `make bench`."""
