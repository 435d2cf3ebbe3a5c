"""The promotion gate: its policy, its checks on two predictions tables, and its verdict."""
