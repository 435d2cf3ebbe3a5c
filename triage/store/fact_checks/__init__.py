"""Whether the facts in the tables follow from the events of the ledger."""
