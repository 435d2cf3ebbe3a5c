"""What to do with a prediction: costs, the abstention threshold, reasons, the recommendation."""
