"""Many methods, many draws of roles, one protocol: records on disk, and the tables made of them."""
