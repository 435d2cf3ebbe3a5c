"""Backbones learned without labels, by telling two views of one case from those of all others.

SimCLR (Chen et al. 2020) takes two views of one image; MICLe (Azizi et al. 2021) takes two
different images of one case where there are any. `ContrastiveTask` is what the one training
loop of `triage.models.training_loop` asks for; what is learned is a backbone like any other.
"""
