"""Benchmarks: ratios measured in one run. ``python -m tests.bench`` prints the figures of docs/performance.md.

Nothing here is a test of correctness by time, but every reply is checked, and so is the state afterwards.
"""
