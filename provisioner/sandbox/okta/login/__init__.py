"""The sign-in side of the emulated Okta organization: discovery, signing keys and the token endpoint."""
