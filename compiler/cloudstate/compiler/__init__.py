"""The CloudState compiler: spec files in, generated files out."""
