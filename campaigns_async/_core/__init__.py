"""The sans-I/O core: plain values in, plain values out. No loop, no clock, no randomness, no logging."""
