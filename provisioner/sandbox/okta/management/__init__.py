"""The Management API of the emulated Okta organization, below ``/api/v1``."""
