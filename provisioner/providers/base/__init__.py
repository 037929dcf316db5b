"""What all identity providers share: client, permissions, playbook models, wire names, lookup and export."""
