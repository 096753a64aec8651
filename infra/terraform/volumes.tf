# What outlives a container. `terraform destroy` deletes these too, with everything in them.
resource "docker_volume" "this" {
  for_each = local.volumes

  name = each.value
}
