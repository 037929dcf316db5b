"""Domains: the TXT record that verifies one, looked for as the vendor would, and judged.

Those who decide (``names``, ``suffixes``, ``observations``, ``resources``, ``diagnosis``, ``records``) do no I/O;
``lookup`` and ``exchange`` ask name servers.
"""
