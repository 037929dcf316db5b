"""The Management API of the emulated Okta org, below ``/api/v1``.

A docstring with "(recorded: NAME)" cites a test whose recorded traffic with a real org shows the behaviour. A NAME that
begins with ``test_`` is a test of okta-sdk-python, any other one of terraform-provider-okta, often without its prefix
(``TestAccResourceOkta``, ``TestAccDataSourceOkta``). "Not recorded" marks what no such test shows.
"""
