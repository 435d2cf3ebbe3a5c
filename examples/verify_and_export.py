"""Verify a bundle and export its decisions."""

# %% [markdown]
# # Verify a system and export an audit
#
# Loading a bundle checks the hash of each of its files. The digest names the system: whoever has
# the bundle computes the same one.

# %%
import tempfile
from pathlib import Path

import triage

BUNDLE = "../tests/releases/559e418/bundle_photographs"
PHOTOGRAPHS = "../tests/releases/559e418/photographs"

system = triage.load(BUNDLE)
print(system.name, system.digest)

# %% [markdown]
# The decisions as a CSV table and as the Parquet table that the command line writes; the second
# carries the digest of the bundle that made it.

# %%
results = system.predict(PHOTOGRAPHS)
folder = Path(tempfile.mkdtemp())
results.to_frame().to_csv(folder / "decisions.csv", index=False)
results.predictions.save(folder / "predictions.parquet")
chart = results.plot().save(folder / "recommendations.svg")
print(sorted(path.name for path in folder.iterdir()))
print(results.predictions.provenance["bundle"] == system.digest)

# %% [markdown]
# A damaged bundle, or one of another version, is refused with a message that says what to do.

# %%
try:
    triage.load(PHOTOGRAPHS)
except triage.errors.BundleError as error:
    print(error)
