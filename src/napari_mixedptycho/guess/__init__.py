"""The first guess: probe, object states and positions from numbers and patterns."""
