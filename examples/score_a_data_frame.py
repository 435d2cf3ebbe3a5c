"""Score the cases of a data frame."""

# %% [markdown]
# # Score a data frame
#
# A data frame names the files and says which are of one case and one patient.

# %%
import pandas as pd

import triage

BUNDLE = "../tests/releases/559e418/bundle_photographs"
PHOTOGRAPHS = "../tests/releases/559e418/photographs"

frame = pd.DataFrame(
    {
        "image": ["images/phantom-000062-0.jpg", "images/phantom-000062-1.jpg"],
        "case_id": ["left arm", "left arm"],
        "patient_id": ["patient 62", "patient 62"],
        "skin_type": [6, 6],
    }
)
results = triage.load(BUNDLE).predict(frame, root=PHOTOGRAPHS)
(case,) = results.to_frame().to_dict("records")
print(case["case_id"], case["n_images"], case["recommendation"])

# %% [markdown]
# `predict` keeps what the decisions rest on: the probabilities of every member of the ensemble and
# the embedding of every case.

# %%
predictions = results.predictions
print(predictions.members, predictions.probabilities.shape, predictions.embedding.shape)
