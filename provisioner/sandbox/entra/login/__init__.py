"""The sign-in side of the emulated Microsoft Entra ID: discovery, signing keys and the token endpoint."""
