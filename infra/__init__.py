"""What Penstock runs on: the Docker stack's files, and `local`, the same servers without Docker."""
