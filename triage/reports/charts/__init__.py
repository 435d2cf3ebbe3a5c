"""Charts of what an audit measured."""
