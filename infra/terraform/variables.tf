# What differs from one place to another. Defaults and names are those of infra/.env.example, in small letters: what Compose
# reads from .env, Terraform reads from terraform.tfvars (terraform.tfvars.example). What the services are told stands in
# ../.env_kafka and ../.env_app, for both.

variable "project" {
  description = "Stands before the names of containers and volumes, and names the network: a second stack takes another."
  type        = string
  default     = "penstock"

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9_-]*$", var.project))
    error_message = "Small letters, digits, - and _ only, starting with a letter or digit: it becomes part of container names."
  }
}

variable "docker_host" {
  description = "The engine. Files and secrets are mounted by path: the engine has to see this checkout."
  type        = string
  default     = "unix:///var/run/docker.sock"

  validation {
    condition     = can(regex("^(unix|npipe|tcp|ssh)://", var.docker_host))
    error_message = "An address such as unix:///var/run/docker.sock (Linux, macOS) or npipe:////.//pipe//docker_engine (Windows)."
  }
}

variable "open_on" {
  description = "The address on which pages listen: 0.0.0.0 opens them to the network, 127.0.0.1 keeps them to this machine."
  type        = string
  default     = "0.0.0.0"

  validation {
    condition     = can(cidrhost("${var.open_on}/32", 0))
    error_message = "An IPv4 address of this machine, such as 0.0.0.0 or 127.0.0.1; not a name."
  }
}

variable "open_grafana_on" {
  description = "The address on which Grafana listens. Whoever opens it may look at everything without a password."
  type        = string
  default     = "127.0.0.1"

  validation {
    condition     = can(cidrhost("${var.open_grafana_on}/32", 0))
    error_message = "An IPv4 address of this machine, such as 0.0.0.0 or 127.0.0.1; not a name."
  }
}

variable "grafana_alert_url" {
  description = "The webhook to which Grafana sends its alerts; nothing listens at the default. Such addresses often hold a key."
  type        = string
  default     = "http://127.0.0.1:9/"
  sensitive   = true

  validation {
    condition     = can(regex("^https?://", var.grafana_alert_url))
    error_message = "An address that begins with http:// or https://."
  }
}

variable "grafana_plugins" {
  description = "What Grafana downloads before it starts, and ends without; empty: nothing (docs/grafana.md, without internet)."
  type        = string
  default     = "grafana-clickhouse-datasource@4.20.0"

  validation {
    condition     = can(regex("^([^ ,]+(,[^ ,]+)*)?$", var.grafana_plugins))
    error_message = "Plugins such as grafana-clickhouse-datasource@4.20.0, with commas and no spaces between them; or empty."
  }
}

variable "audit_every_s" {
  description = "Seconds from one round of the auditor to the next."
  type        = number
  default     = 60

  validation {
    condition     = var.audit_every_s >= 1 && var.audit_every_s <= 86400 && floor(var.audit_every_s) == var.audit_every_s
    error_message = "A whole number of seconds, 1 to 86400."
  }
}

variable "nofile" {
  description = "Open files that brokers and ClickHouse may have; lower it where the engine itself may not have so many."
  type        = number
  default     = 262144

  validation {
    condition     = var.nofile >= 1024 && floor(var.nofile) == var.nofile
    error_message = "A whole number of at least 1024: brokers and ClickHouse keep a file open for each segment and part."
  }
}

variable "kafka_cluster_id" {
  description = "Written into the brokers' volumes when these are new; another one on old volumes stops the brokers."
  type        = string
  default     = "9mSkCmUSRRm4Y2V5c3RvbQ"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{22}$", var.kafka_cluster_id))
    error_message = "22 characters: 16 random bytes in URL-safe base64 without padding (kafka-storage.sh random-uuid)."
  }
}

# Ports

variable "kafka_1_port" {
  description = "The first broker, on this machine alone."
  type        = number
  default     = 29092

  validation {
    condition     = var.kafka_1_port >= 1 && var.kafka_1_port <= 65535 && floor(var.kafka_1_port) == var.kafka_1_port
    error_message = "A port is a whole number from 1 to 65535."
  }
}

variable "kafka_2_port" {
  description = "The second broker, on this machine alone."
  type        = number
  default     = 29093

  validation {
    condition     = var.kafka_2_port >= 1 && var.kafka_2_port <= 65535 && floor(var.kafka_2_port) == var.kafka_2_port
    error_message = "A port is a whole number from 1 to 65535."
  }
}

variable "kafka_3_port" {
  description = "The third broker, on this machine alone."
  type        = number
  default     = 29094

  validation {
    condition     = var.kafka_3_port >= 1 && var.kafka_3_port <= 65535 && floor(var.kafka_3_port) == var.kafka_3_port
    error_message = "A port is a whole number from 1 to 65535."
  }
}

variable "clickhouse_http_port" {
  description = "ClickHouse's HTTP protocol, on this machine alone."
  type        = number
  default     = 18123

  validation {
    condition     = var.clickhouse_http_port >= 1 && var.clickhouse_http_port <= 65535 && floor(var.clickhouse_http_port) == var.clickhouse_http_port
    error_message = "A port is a whole number from 1 to 65535."
  }
}

variable "clickhouse_native_port" {
  description = "ClickHouse's native protocol, on this machine alone."
  type        = number
  default     = 19000

  validation {
    condition     = var.clickhouse_native_port >= 1 && var.clickhouse_native_port <= 65535 && floor(var.clickhouse_native_port) == var.clickhouse_native_port
    error_message = "A port is a whole number from 1 to 65535."
  }
}

variable "kafka_ui_port" {
  description = "kafka-ui, on the address of open_on."
  type        = number
  default     = 8080

  validation {
    condition     = var.kafka_ui_port >= 1 && var.kafka_ui_port <= 65535 && floor(var.kafka_ui_port) == var.kafka_ui_port
    error_message = "A port is a whole number from 1 to 65535."
  }
}

variable "api_port" {
  description = "Pages and REST, on the address of open_on."
  type        = number
  default     = 8000

  validation {
    condition     = var.api_port >= 1 && var.api_port <= 65535 && floor(var.api_port) == var.api_port
    error_message = "A port is a whole number from 1 to 65535."
  }
}

variable "grafana_port" {
  description = "Grafana, on the address of open_grafana_on."
  type        = number
  default     = 3000

  validation {
    condition     = var.grafana_port >= 1 && var.grafana_port <= 65535 && floor(var.grafana_port) == var.grafana_port
    error_message = "A port is a whole number from 1 to 65535."
  }
}

# Images

variable "kafka_image" {
  description = "The three brokers."
  type        = string
  default     = "apache/kafka:4.3.1"

  validation {
    condition     = can(regex("^[a-z0-9][^ :]*(:[0-9]+/[^ :]+)?(:[A-Za-z0-9_.-]+(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})$", var.kafka_image))
    error_message = "An image with a tag or digest, such as apache/kafka:4.3.1."
  }
}

variable "clickhouse_image" {
  description = "ClickHouse."
  type        = string
  default     = "clickhouse/clickhouse-server:26.8"

  validation {
    condition     = can(regex("^[a-z0-9][^ :]*(:[0-9]+/[^ :]+)?(:[A-Za-z0-9_.-]+(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})$", var.clickhouse_image))
    error_message = "An image with a tag or digest, such as clickhouse/clickhouse-server:26.8."
  }
}

variable "kafka_ui_image" {
  description = "kafka-ui."
  type        = string
  default     = "ghcr.io/kafbat/kafka-ui:v1.5.0"

  validation {
    condition     = can(regex("^[a-z0-9][^ :]*(:[0-9]+/[^ :]+)?(:[A-Za-z0-9_.-]+(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})$", var.kafka_ui_image))
    error_message = "An image with a tag or digest, such as ghcr.io/kafbat/kafka-ui:v1.5.0."
  }
}

variable "grafana_image" {
  description = "Grafana."
  type        = string
  default     = "grafana/grafana:13.2.3"

  validation {
    condition     = can(regex("^[a-z0-9][^ :]*(:[0-9]+/[^ :]+)?(:[A-Za-z0-9_.-]+(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})$", var.grafana_image))
    error_message = "An image with a tag or digest, such as grafana/grafana:13.2.3."
  }
}

variable "producer_image" {
  description = "The producer, as build-all.sh names it."
  type        = string
  default     = "producer:latest"

  validation {
    condition     = can(regex("^[a-z0-9][^ :]*(:[0-9]+/[^ :]+)?(:[A-Za-z0-9_.-]+(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})$", var.producer_image))
    error_message = "An image with a tag or digest, such as producer:latest."
  }
}

variable "consumer_image" {
  description = "Consumer, transformer, auditor and their one-shots, as build-all.sh names it."
  type        = string
  default     = "consumer:latest"

  validation {
    condition     = can(regex("^[a-z0-9][^ :]*(:[0-9]+/[^ :]+)?(:[A-Za-z0-9_.-]+(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})$", var.consumer_image))
    error_message = "An image with a tag or digest, such as consumer:latest."
  }
}

variable "api_image" {
  description = "The api, as build-all.sh names it."
  type        = string
  default     = "api:latest"

  validation {
    condition     = can(regex("^[a-z0-9][^ :]*(:[0-9]+/[^ :]+)?(:[A-Za-z0-9_.-]+(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})$", var.api_image))
    error_message = "An image with a tag or digest, such as api:latest."
  }
}

# A registry of your own

variable "registry_address" {
  description = "A registry that wants a login, such as registry.example.org:5000; empty: none does."
  type        = string
  default     = ""

  validation {
    condition     = !strcontains(var.registry_address, " ")
    error_message = "A host, with its port if it has one."
  }
}

variable "registry_username" {
  description = "The login there."
  type        = string
  default     = ""
}

variable "registry_password" {
  description = "Its password: give it as the environment variable TF_VAR_registry_password, not in a file."
  type        = string
  default     = ""
  sensitive   = true
}
