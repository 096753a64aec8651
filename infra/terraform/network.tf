# One network for all: a service reaches another under its name.
resource "docker_network" "this" {
  name   = var.project
  driver = "bridge"
}
