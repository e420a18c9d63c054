"""What keeps hostile input, secrets and code of a hub in their place."""
