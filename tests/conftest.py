"""Profiles for property tests: ``--hypothesis-profile=thorough`` instead of ``fast``."""

from hypothesis import settings

pytest_plugins = ["campaigns_async.testing"]

# The same examples each time, so that a red build is red again; and no deadline, for a slow
# machine proves nothing.
settings.register_profile("fast", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=2_000, deadline=None)
settings.load_profile("fast")
