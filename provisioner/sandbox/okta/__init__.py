"""The emulated Okta org: its Management API, its provisioning, and what people do in its Admin Console."""
