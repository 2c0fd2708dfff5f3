"""The sans-I/O core, plain values in and out: no loop, no clock, no randomness, no logging."""
