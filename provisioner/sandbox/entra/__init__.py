"""The emulated Microsoft Entra ID: its Graph, its sign-in endpoints and its provisioning service."""
