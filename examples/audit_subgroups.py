"""Audit the subgroups of a table of predictions."""

# %% [markdown]
# # Audit subgroups
#
# Measure any classifier from a table of labels and probabilities: overall, in each subgroup, and
# the difference between subgroups. The table here is made up: the classifier is worse on skin
# type 6.

# %%
import numpy as np
import pandas as pd

import triage

generator = np.random.default_rng(0)
n = 600
truth = generator.integers(0, 2, n)
skin_type = generator.choice(["1-2", "3-4", "5-6"], n)
strength = np.where(skin_type == "5-6", 0.4, 2.0)
p_melanoma = 1 / (1 + np.exp(-(strength * (2 * truth - 1) + generator.normal(size=n))))
frame = pd.DataFrame(
    {
        "diagnosis": np.where(truth == 1, "melanoma", "naevus"),
        "p_naevus": 1 - p_melanoma,
        "p_melanoma": p_melanoma,
        "skin_type": skin_type,
        "patient_id": generator.integers(0, 300, n),
    }
)
result = triage.audit(
    frame,
    label="diagnosis",
    probabilities=["p_naevus", "p_melanoma"],
    groups=["skin_type"],
    patient="patient_id",
    n_resamples=200,
)
print(result.by_group["accuracy"].round(3).to_string())

# %% [markdown]
# Every number has an interval and its sample size. Metrics whose columns are not in the table, such
# as the AUROC of an out-of-distribution score, are absent.

# %%
print(result.difference().query("metric == 'accuracy'").round(3).to_string(index=False))
print("ood_auroc" in result.metrics)
chart = result.plot(["accuracy", "ece"])
