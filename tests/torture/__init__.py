"""Uploads with a journal that are killed, again and again, and what their accounts say then."""
