# From the words of services.tf to those of the provider. Values alone: no resource is named here, so `terraform console`
# answers from services.tf, order.tf, arguments.tf and variables.tf without a provider, and the tests ask it.

locals {
  volumes = {
    for volume in distinct(flatten([for service in local.services : keys(service.volumes)])) :
    volume => "${var.project}-${volume}"
  }

  # Whom somebody wants to see healthy first.
  awaited = distinct(flatten([
    for service in local.services : [for name, state in service.after : name if state == "healthy"]
  ]))

  containers = {
    for name, service in local.services : name => {
      name       = "${var.project}-${name}"
      alias      = name
      address    = "module.${local.wave[name]}[\"${name}\"].docker_container.this"
      image      = service.image
      entrypoint = service.entrypoint
      command    = service.command
      user       = service.user
      env        = [for key in sort(keys(service.environment)) : "${key}=${service.environment[key]}"]

      # A one-shot is waited for until it ends. Only what restarts whatever happens is created anew where it does not run.
      restart      = service.restart
      attach       = service.restart == "no"
      must_run     = service.restart == "unless-stopped"
      wait         = contains(local.awaited, name)
      wait_timeout = 300

      # The first is `docker stop`'s, the second Terraform's own: without it a container is killed.
      init                  = service.init
      stop_timeout          = service.stop_s
      destroy_grace_seconds = service.stop_s

      memory        = service.memory
      memory_swap   = service.memory == null ? null : service.memory * 2 # what Docker makes of none, and the provider reads back
      read_only     = service.read_only
      tmpfs         = { for path in service.tmpfs : path => "" }
      security_opts = service.security_opts
      capabilities  = length(service.drop) == 0 ? [] : [{ drop = service.drop }]
      ulimit        = [for limit, number in service.ulimits : { name = limit, soft = number, hard = number }]
      log_driver    = "json-file"
      log_opts      = { max-size = "10m", max-file = "3" }
      ports         = service.ports

      mounts = concat(
        [for volume, target in service.volumes : {
          type = "volume", source = local.volumes[volume], target = target, read_only = false
        }],
        [for file, target in service.files : {
          type = "bind", source = abspath("${path.module}/../${file}"), target = target, read_only = true
        }],
        [for secret in service.secrets : {
          type = "bind", source = abspath("${path.module}/../secrets/${secret}"), target = "/run/secrets/${secret}", read_only = true
        }],
      )

      # No block: what the image says holds. Durations as Go writes them (2m0s): written otherwise, each plan finds a change.
      healthcheck = [
        for check in service.healthcheck == null ? [] : [service.healthcheck] : {
          test         = check.test
          interval     = check.interval
          timeout      = check.timeout
          start_period = check.start_period
          retries      = check.retries
        }
      ]
    }
  }
}
