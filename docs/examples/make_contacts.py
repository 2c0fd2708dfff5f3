"""Writes contacts.csv anew, the file that the demo uploads."""

from pathlib import Path

from campaigns_async.cli.contacts import build_contacts

Path(__file__).with_name("contacts.csv").write_bytes(build_contacts().content)
