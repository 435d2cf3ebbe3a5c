"""Retraining: reviews and a data set to a challenger that the gate has judged, in resumable steps."""
