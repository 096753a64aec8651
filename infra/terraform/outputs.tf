# Where to look, once everything stands: what build-all.sh prints at its end.

locals {
  this_machine      = ["0.0.0.0", "127.0.0.1"]
  seen_from         = contains(local.this_machine, var.open_on) ? "localhost" : var.open_on
  grafana_seen_from = contains(local.this_machine, var.open_grafana_on) ? "localhost" : var.open_grafana_on
}

output "pages" {
  description = "What a person opens in a browser."
  value = {
    "the pipeline, live"                          = "http://${local.seen_from}:${var.api_port}/"
    "REST"                                        = "http://${local.seen_from}:${var.api_port}/docs"
    "kafka-ui: topics, messages, consumer groups" = "http://${local.seen_from}:${var.kafka_ui_port}/"
    "Grafana: dashboards and an alert"            = "http://${local.grafana_seen_from}:${var.grafana_port}/"
  }
}

output "brokers" {
  description = "For clients on this machine: bootstrap servers of Kafka."
  value       = join(",", [for port in [var.kafka_1_port, var.kafka_2_port, var.kafka_3_port] : "localhost:${port}"])
}

output "clickhouse" {
  description = "For clients on this machine: ClickHouse, by protocol."
  value = {
    native = "localhost:${var.clickhouse_native_port}"
    http   = "http://localhost:${var.clickhouse_http_port}/"
  }
}

output "containers" {
  description = "Names for docker logs, docker exec, docker stats."
  value       = { for name, container in local.containers : name => container.name }

  precondition {
    condition     = length(local.too_late) == 0
    error_message = "Four waves are not enough for ${join(", ", local.too_late)}: add a fifth to order.tf and containers.tf."
  }
}
