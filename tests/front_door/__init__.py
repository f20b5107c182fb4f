"""A small service for tests of the front door: its protos, a description of it, and a router that answers by script."""
