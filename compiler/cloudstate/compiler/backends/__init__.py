"""What the compiler writes: each backend turns the service model into a file set and knows nothing of the others."""
