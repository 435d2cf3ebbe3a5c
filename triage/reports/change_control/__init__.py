"""The predetermined change control plan and the record of each change, from the gate's policy."""
