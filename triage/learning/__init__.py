"""The learning loop: train, evaluate, retrain from reviewed cases, and the promotion gate."""
