"""Compute out-of-distribution scores on arrays."""

# %% [markdown]
# # Out-of-distribution scores on arrays
#
# Every score that needs no network takes NumPy arrays: embeddings, logits, probabilities. A score
# is larger the more out-of-distribution a case is.

# %%
import numpy as np

import triage

generator = np.random.default_rng(0)
n_classes, width = 4, 16
weight = generator.normal(size=(n_classes, width))


def cases(n, shift):
    """Return embeddings [n, width], logits [n, n_classes] and classes [n]."""
    classes = generator.integers(0, n_classes, n)
    embeddings = weight[classes] + generator.normal(size=(n, width))
    embeddings[:, 0] += shift
    return embeddings, embeddings @ weight.T, classes


train, train_logits, labels = cases(400, 0.0)
known, known_logits, _ = cases(200, 0.0)
unknown, unknown_logits, _ = cases(200, 6.0)

vim = triage.scores.ViM().fit(train, labels, logits=train_logits)
mahalanobis = triage.scores.Mahalanobis().fit(train, labels)
energy = triage.scores.Energy()

# %% [markdown]
# The AUROC of a score is the probability that an unknown case scores above a known one.


# %%
def auroc(inliers, outliers):
    """Return the share of pairs in the right order; ties count one half."""
    above = outliers[:, None] > inliers[None, :]
    equal = outliers[:, None] == inliers[None, :]
    return float((above + equal / 2).mean())


found = {
    "ViM": auroc(vim.score(known, logits=known_logits), vim.score(unknown, logits=unknown_logits)),
    "Mahalanobis": auroc(mahalanobis.score(known), mahalanobis.score(unknown)),
    "Energy": auroc(energy.score(known_logits), energy.score(unknown_logits)),
}
for name, area in found.items():
    print(f"{name}: AUROC {area:.2f}")
