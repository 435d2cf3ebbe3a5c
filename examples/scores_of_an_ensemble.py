"""Compute scores of an ensemble."""

# %% [markdown]
# # Scores of an ensemble
#
# Logits and probabilities of M networks are arrays [N, M, C]. Scores of probabilities average the
# members first; scores of logits or features are averaged over members.

# %%
import numpy as np

import triage

generator = np.random.default_rng(0)
n, members, n_classes = 5, 3, 4
logits = generator.normal(size=(n, members, n_classes))
print(triage.scores.Entropy().score(logits=logits).shape)
print(triage.scores.MaxLogit().score(logits).shape)

# %% [markdown]
# The scores, and what each reads:

# %%
for name, score in triage.scores.SCORES.items():
    print(f"{name}: {', '.join(score.needs)}")
