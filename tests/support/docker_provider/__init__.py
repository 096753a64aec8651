"""What the Docker provider of Terraform accepts, extracted from its published bindings."""
