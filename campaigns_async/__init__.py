"""An asyncio client for the 8x8 Contact Center Campaigns API."""
