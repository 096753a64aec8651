# An image that the engine has already is taken as it is; one that it lacks is pulled. So producer, consumer and api are
# those that build-all.sh built, the same that Compose runs: one way to build, one set of images. Rebuilt under the same
# name they have another id, and the next `terraform apply` replaces their containers.
#
# keep_locally: `terraform destroy` leaves the images alone.
resource "docker_image" "this" {
  for_each = toset([for container in local.containers : container.image])

  name         = each.value
  keep_locally = true
}
