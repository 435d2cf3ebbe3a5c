"""Self-supervised pretraining of backbones by contrastive learning.

SimCLR (Chen et al. 2020) takes two views of one image; MICLe (Azizi et al. 2021) takes two
different images of one case if there are any. `ContrastiveTask` implements the task interface of
`triage.models.training_loop`; the result is a backbone like any other.
"""
