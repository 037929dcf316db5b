"""The Management API of the emulated Okta org, below ``/api/v1``."""
