"""A local Campaigns API for tests, demos and first steps; see `Emulator`."""

from campaigns_async.emulator.campaign import EmulatedCampaign
from campaigns_async.emulator.emulator import Emulator
from campaigns_async.emulator.faults import Fault, FaultDetails, Faults
from campaigns_async.emulator.ledger import LedgerEntry
from campaigns_async.emulator.quirks import ErrorMedia, Naming, Quirks, Wording
from campaigns_async.emulator.service import CLIENT_HEADER
from campaigns_async.emulator.traffic import ReceivedRequest

__all__ = [
    "CLIENT_HEADER",
    "EmulatedCampaign",
    "Emulator",
    "ErrorMedia",
    "Fault",
    "FaultDetails",
    "Faults",
    "LedgerEntry",
    "Naming",
    "Quirks",
    "ReceivedRequest",
    "Wording",
]
