"""Sign-in to the emulated Okta org: discovery, signing keys and the token endpoint."""
