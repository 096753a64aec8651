# Terraform orders resources, not the instances of one; so the containers start in four waves (order.tf), each of which waits
# for those before it. A wave is done when each of its one-shots (attach) has ended with 0, and each of its servers that
# others want to see healthy (wait) is so.

module "first" {
  source   = "./container"
  for_each = { for name in local.first : name => local.containers[name] }

  container  = each.value
  image_id   = docker_image.this[each.value.image].image_id
  network    = docker_network.this.name
  depends_on = [docker_volume.this]
}

module "second" {
  source   = "./container"
  for_each = { for name in local.second : name => local.containers[name] }

  container  = each.value
  image_id   = docker_image.this[each.value.image].image_id
  network    = docker_network.this.name
  depends_on = [docker_volume.this, module.first]
}

module "third" {
  source   = "./container"
  for_each = { for name in local.third : name => local.containers[name] }

  container  = each.value
  image_id   = docker_image.this[each.value.image].image_id
  network    = docker_network.this.name
  depends_on = [docker_volume.this, module.second]
}

module "fourth" {
  source   = "./container"
  for_each = { for name in local.fourth : name => local.containers[name] }

  container  = each.value
  image_id   = docker_image.this[each.value.image].image_id
  network    = docker_network.this.name
  depends_on = [docker_volume.this, module.third]
}
