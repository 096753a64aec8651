variable "container" {
  description = "The arguments, under the provider's names; alias is the name under which others reach it, address that of the resource."
  type = object({
    name                  = string
    alias                 = string
    address               = string
    image                 = string
    entrypoint            = list(string)
    command               = list(string)
    user                  = string
    env                   = list(string)
    restart               = string
    attach                = bool
    must_run              = bool
    wait                  = bool
    wait_timeout          = number
    init                  = bool
    stop_timeout          = number
    destroy_grace_seconds = number
    memory                = number
    memory_swap           = number
    read_only             = bool
    tmpfs                 = map(string)
    security_opts         = list(string)
    log_driver            = string
    log_opts              = map(string)
    capabilities          = list(object({ drop = list(string) }))
    ulimit                = list(object({ name = string, soft = number, hard = number }))
    ports                 = list(object({ ip = string, external = number, internal = number }))
    mounts                = list(object({ type = string, source = string, target = string, read_only = bool }))
    healthcheck = list(object({
      test         = list(string)
      interval     = string
      timeout      = string
      start_period = string
      retries      = number
    }))
  })
}

variable "image_id" {
  description = "The image, by its id: a new one of the same name replaces the container."
  type        = string
}

variable "network" {
  description = "The network that it joins."
  type        = string
}
