# Who starts when: what needs nothing, what needs only that, and so on. It follows from `after` in services.tf; nobody keeps
# it by hand. Values alone, like arguments.tf.

locals {
  needed = { for name, service in local.services : name => keys(service.after) }

  first  = [for name, needed in local.needed : name if length(needed) == 0]
  second = [for name, needed in local.needed : name if length(needed) > 0 && length(setsubtract(needed, local.first)) == 0]

  by_then = concat(local.first, local.second)
  third   = [for name, needed in local.needed : name if !contains(local.by_then, name) && length(setsubtract(needed, local.by_then)) == 0]

  at_last = concat(local.by_then, local.third)
  fourth  = [for name, needed in local.needed : name if !contains(local.at_last, name)]

  wave = {
    for name in keys(local.services) : name => (
      contains(local.first, name) ? "first" : contains(local.second, name) ? "second" : contains(local.third, name) ? "third" : "fourth"
    )
  }

  # A fifth wave would start with the fourth.
  too_late = [for name in local.fourth : name if length(setsubtract(local.needed[name], local.at_last)) > 0]
}
