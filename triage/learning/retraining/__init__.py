"""Retraining: from reviews and data to a challenger that the gate has judged, in steps."""
