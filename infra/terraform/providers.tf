terraform {
  required_version = ">= 1.5"

  required_providers {
    docker = {
      source  = "kreuzwerker/docker"
      version = "~> 3.6"
    }
  }
}

provider "docker" {
  host = var.docker_host

  dynamic "registry_auth" {
    for_each = var.registry_address == "" ? [] : [var.registry_address]

    content {
      address  = registry_auth.value
      username = var.registry_username
      password = var.registry_password
    }
  }
}
