"""Generated cases whose truth is exactly known: skin photographs and retinal OCT volumes."""
