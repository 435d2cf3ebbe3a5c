"""Score a folder of photographs."""

# %% [markdown]
# # Score photographs
#
# Load a trained system and read the recommendation for each case of a folder. The folder here
# holds generated phantoms with a table, `manifest.csv`, that says which photographs are of one
# case; a folder without a table is read as one case for each file.

# %%
import triage

BUNDLE = "../tests/releases/559e418/bundle_photographs"  # any folder that `triage train` wrote
PHOTOGRAPHS = "../tests/releases/559e418/photographs"

system = triage.load(BUNDLE)
table = system.score(PHOTOGRAPHS)
print(table[["case_id", "recommendation", "queue_urgency", "condition"]].to_string(index=False))

# %% [markdown]
# The system abstains where it does not know. Each abstention has a reason and a next action, and a
# file that cannot be read is a row as well: no case is lost.

# %%
for case in table[table["abstained"]].itertuples():
    print(f"{case.case_id}: {case.reason} {case.next_action}")
