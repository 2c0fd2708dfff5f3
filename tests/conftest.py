"""What many tests begin with: a session on the local service, and a campaign there.

And profiles for property tests: ``--hypothesis-profile=thorough`` instead of ``fast``.
"""

from collections.abc import AsyncIterator

import pytest
from hypothesis import settings

from campaigns_async.campaign import CampaignHandle
from campaigns_async.emulator import EmulatedCampaign, Emulator
from campaigns_async.session import CampaignsSession
from tests.servers import connect

pytest_plugins = ["campaigns_async.testing"]

# The same examples each time, so that a red build is red again; and no deadline, for a slow
# machine proves nothing.
settings.register_profile("fast", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=2_000, deadline=None)
settings.load_profile("fast")


@pytest.fixture
async def session(emulator: Emulator) -> AsyncIterator[CampaignsSession]:
    """On the local service."""
    async with connect(emulator) as session:
        yield session


@pytest.fixture
def handle(session: CampaignsSession, emulated_campaign: EmulatedCampaign) -> CampaignHandle:
    """On a running, dynamic, empty campaign."""
    return session.campaign(emulated_campaign.id)
