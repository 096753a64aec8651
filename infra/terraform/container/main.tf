# One container of the stack. Every argument is passed on under its own name; what it is was decided in ../arguments.tf.

terraform {
  required_providers {
    docker = {
      source  = "kreuzwerker/docker"
      version = "~> 3.6"
    }
  }
}

resource "docker_container" "this" {
  name       = var.container.name
  image      = var.image_id
  entrypoint = var.container.entrypoint
  command    = var.container.command
  user       = var.container.user
  env        = var.container.env

  restart      = var.container.restart
  attach       = var.container.attach
  must_run     = var.container.must_run
  wait         = var.container.wait
  wait_timeout = var.container.wait_timeout

  init                  = var.container.init
  stop_timeout          = var.container.stop_timeout
  destroy_grace_seconds = var.container.destroy_grace_seconds

  memory        = var.container.memory
  memory_swap   = var.container.memory_swap
  read_only     = var.container.read_only
  tmpfs         = var.container.tmpfs
  security_opts = var.container.security_opts
  log_driver    = var.container.log_driver
  log_opts      = var.container.log_opts

  networks_advanced {
    name    = var.network
    aliases = [var.container.alias]
  }

  dynamic "capabilities" {
    for_each = var.container.capabilities

    content {
      drop = capabilities.value.drop
    }
  }

  dynamic "ulimit" {
    for_each = var.container.ulimit

    content {
      name = ulimit.value.name
      soft = ulimit.value.soft
      hard = ulimit.value.hard
    }
  }

  dynamic "ports" {
    for_each = var.container.ports

    content {
      ip       = ports.value.ip
      external = ports.value.external
      internal = ports.value.internal
    }
  }

  dynamic "mounts" {
    for_each = var.container.mounts

    content {
      type      = mounts.value.type
      source    = mounts.value.source
      target    = mounts.value.target
      read_only = mounts.value.read_only
    }
  }

  dynamic "healthcheck" {
    for_each = var.container.healthcheck

    content {
      test         = healthcheck.value.test
      interval     = healthcheck.value.interval
      timeout      = healthcheck.value.timeout
      start_period = healthcheck.value.start_period
      retries      = healthcheck.value.retries
    }
  }

  lifecycle {
    # `attach` waits for the end, whatever it is: what comes after a one-shot starts only if that went well.
    postcondition {
      condition     = !var.container.attach || self.exit_code == 0
      error_message = "${var.container.name} ended with ${coalesce(self.exit_code, -1)}. Its words: docker logs ${var.container.name}. To run it again: terraform apply -replace='${var.container.address}'"
    }
  }
}
