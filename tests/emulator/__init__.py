"""The local service, module by module."""
