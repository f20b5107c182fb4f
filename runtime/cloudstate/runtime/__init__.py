"""The CloudState runtime: serves entities. Authors of entities import ``cloudstate.runtime.authoring``."""
