"""What every identity provider shares: the client that retries, permissions, playbook models, lookup and export."""
