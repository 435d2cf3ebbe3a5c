"""Generated cases with exactly known truth: skin photographs and retinal OCT volumes."""
