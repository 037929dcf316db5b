"""Domains: query the TXT record that verifies a domain for Kiro, check it, and create it in the zone.

``lookup``, ``client`` and ``writing`` send queries and updates; every other module but ``provider`` is pure.
"""
