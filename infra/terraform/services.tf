# The services of the stack, in the words of docker-compose.yml, beside which this file stands: a test compares the two
# entry by entry. To add a service, add an entry to `services`; what it does not say stands in `base`.

locals {
  # What the services are told is read from the same files that Compose reads.
  settings = {
    for name in [".env_kafka", ".env_app"] :
    name => { for pair in regexall("(?m)^([A-Z0-9_]+)=(.*)$", file("${path.module}/../${name}")) : pair[0] => pair[1] }
  }

  base = {
    entrypoint    = null # null: what the image says
    command       = null
    user          = null
    environment   = {}
    restart       = "unless-stopped"
    init          = true
    stop_s        = 10
    memory        = null # MiB
    read_only     = false
    tmpfs         = []
    drop          = []
    security_opts = ["no-new-privileges:true"]
    ulimits       = {}
    ports         = []
    volumes       = {} # volume => path
    files         = {} # below infra/ => path, read only
    secrets       = [] # below infra/secrets/, under /run/secrets/
    healthcheck   = null
    after         = {} # service => healthy, or completed
  }

  no_healthcheck = { test = ["NONE"], interval = null, timeout = null, start_period = null, retries = null }

  # A whole ApiVersions request, without a JVM: the port alone says little, Kafka's own tools cost a second of CPU each.
  broker_answers = join(" ", [
    "exec 3<>/dev/tcp/localhost/9092",
    "&& printf '\\0\\0\\0\\n\\0\\022\\0\\0\\0\\0\\0\\1\\377\\377' >&3",
    "&& head -c 4 <&3 | wc -c | grep -q 4",
  ])

  # A query under the name that others use, as one of our users: /ping also answers before these exist.
  clickhouse_answers = join(" ", [
    "wget -q -T 5 -O /dev/null --header \"X-ClickHouse-User: reader\"",
    "--header \"X-ClickHouse-Key: $(cat /run/secrets/clickhouse_reader_password)\"",
    "\"http://clickhouse-server:8123/?query=SELECT%201\"",
  ])

  broker = merge(local.base, {
    image   = var.kafka_image
    stop_s  = 30
    memory  = 640
    ulimits = { nofile = var.nofile }
    after   = { check = "completed" }
    healthcheck = {
      test = ["CMD", "bash", "-c", local.broker_answers], interval = "5s", timeout = "10s", start_period = "2m0s", retries = 6
    }
  })

  # As soon as one property comes from here, the image's defaults are gone: these are all that a broker needs, the same on
  # each. Data lies in the volume; the cluster's id is written into it and cannot change later.
  broker_environment = {
    CLUSTER_ID                                     = var.kafka_cluster_id
    KAFKA_PROCESS_ROLES                            = "broker,controller"
    KAFKA_CONTROLLER_QUORUM_VOTERS                 = "1@kafka-1:9093,2@kafka-2:9093,3@kafka-3:9093"
    KAFKA_CONTROLLER_LISTENER_NAMES                = "CONTROLLER"
    KAFKA_INTER_BROKER_LISTENER_NAME               = "INTERNAL"
    KAFKA_LISTENERS                                = "INTERNAL://:9092,CONTROLLER://:9093,EXTERNAL://:19092"
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP           = "INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT,EXTERNAL:PLAINTEXT"
    KAFKA_LOG_DIRS                                 = "/var/lib/kafka/data"
    KAFKA_AUTO_CREATE_TOPICS_ENABLE                = "false"
    KAFKA_DEFAULT_REPLICATION_FACTOR               = "3"
    KAFKA_MIN_INSYNC_REPLICAS                      = "2"
    KAFKA_UNCLEAN_LEADER_ELECTION_ENABLE           = "false"
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR         = "3"
    KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS             = "6"
    KAFKA_OFFSETS_RETENTION_MINUTES                = "525600"
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR = "3"
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR            = "2"
    KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS     = "6"

    KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR = "3"
    KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR            = "2"

    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS = "0"
    KAFKA_BROKER_SESSION_TIMEOUT_MS        = "3000" # a dead broker is noticed after 3 s, not 9
    KAFKA_BROKER_HEARTBEAT_INTERVAL_MS     = "500"
    KAFKA_HEAP_OPTS                        = "-Xms256m -Xmx384m"
    KAFKA_LOG4J_ROOT_LOGLEVEL              = "WARN"
  }

  app = merge(local.base, {
    environment = local.settings[".env_kafka"]
    read_only   = true
    tmpfs       = ["/tmp"]
    drop        = ["ALL"]
  })

  when_brokers_are_healthy         = { kafka-1 = "healthy", kafka-2 = "healthy", kafka-3 = "healthy" }
  when_topics_are_there            = { topics = "completed" }
  when_topics_and_tables_are_there = { topics = "completed", migrate = "completed" }

  services = {
    # Runs once, before anything else starts: tries every setting of .env_kafka. What is wrong stands in its logs.
    check = merge(local.app, {
      image       = var.producer_image
      command     = ["all", "--check"]
      restart     = "no"
      memory      = 256
      secrets     = ["clickhouse_ingest_password"]
      healthcheck = local.no_healthcheck
    })

    kafka-1 = merge(local.broker, {
      ports   = [{ ip = "127.0.0.1", external = var.kafka_1_port, internal = 19092 }]
      volumes = { kafka-1 = "/var/lib/kafka/data" }
      environment = merge(local.broker_environment, {
        KAFKA_NODE_ID              = "1"
        KAFKA_ADVERTISED_LISTENERS = "INTERNAL://kafka-1:9092,EXTERNAL://localhost:${var.kafka_1_port}"
      })
    })

    kafka-2 = merge(local.broker, {
      ports   = [{ ip = "127.0.0.1", external = var.kafka_2_port, internal = 19092 }]
      volumes = { kafka-2 = "/var/lib/kafka/data" }
      environment = merge(local.broker_environment, {
        KAFKA_NODE_ID              = "2"
        KAFKA_ADVERTISED_LISTENERS = "INTERNAL://kafka-2:9092,EXTERNAL://localhost:${var.kafka_2_port}"
      })
    })

    kafka-3 = merge(local.broker, {
      ports   = [{ ip = "127.0.0.1", external = var.kafka_3_port, internal = 19092 }]
      volumes = { kafka-3 = "/var/lib/kafka/data" }
      environment = merge(local.broker_environment, {
        KAFKA_NODE_ID              = "3"
        KAFKA_ADVERTISED_LISTENERS = "INTERNAL://kafka-3:9092,EXTERNAL://localhost:${var.kafka_3_port}"
      })
    })

    clickhouse-server = merge(local.base, {
      image         = var.clickhouse_image
      environment   = { CLICKHOUSE_DB = "penstock" }
      stop_s        = 60
      memory        = 1664
      security_opts = null
      ulimits       = { nofile = var.nofile }
      ports = [
        { ip = "127.0.0.1", external = var.clickhouse_http_port, internal = 8123 },
        { ip = "127.0.0.1", external = var.clickhouse_native_port, internal = 9000 },
      ]
      volumes = { clickhouse = "/var/lib/clickhouse" }
      files = {
        "clickhouse/config.d/penstock.xml" = "/etc/clickhouse-server/config.d/penstock.xml"
        "clickhouse/users.d/penstock.xml"  = "/etc/clickhouse-server/users.d/penstock.xml"
      }
      secrets = ["clickhouse_passwords", "clickhouse_reader_password"]
      after   = { check = "completed" }
      healthcheck = {
        test = ["CMD-SHELL", local.clickhouse_answers], interval = "5s", timeout = "10s", start_period = "2m0s", retries = 6
      }
    })

    # Runs once: creates the topics that are missing.
    topics = merge(local.app, {
      image       = var.consumer_image
      entrypoint  = ["python", "-m", "common.topics"]
      restart     = "no"
      memory      = 256
      healthcheck = local.no_healthcheck
      after       = local.when_brokers_are_healthy
      environment = merge(local.app.environment, {
        CLICKHOUSE_PASSWORD_FILE = ""
        KAFKA_REQUEST_TIMEOUT_S  = "30" # brokers that have just started take their time for a first topic
        KAFKA_SESSION_TIMEOUT_S  = "45"
      })
    })

    # Runs once: creates the tables that are missing, checks the others.
    migrate = merge(local.app, {
      image       = var.consumer_image
      command     = ["migrate"]
      restart     = "no"
      memory      = 256
      secrets     = ["clickhouse_migrate_password"]
      healthcheck = local.no_healthcheck
      after       = { clickhouse-server = "healthy" }
      environment = merge(local.app.environment, {
        CLICKHOUSE_USER          = "migrate"
        CLICKHOUSE_PASSWORD_FILE = "/run/secrets/clickhouse_migrate_password"
      })
    })

    producer = merge(local.app, {
      image       = var.producer_image
      command     = ["all"]
      restart     = "on-failure"
      stop_s      = 30
      memory      = 256
      after       = local.when_topics_are_there
      environment = merge(local.app.environment, { CLICKHOUSE_PASSWORD_FILE = "" })
    })

    consumer = merge(local.app, {
      image   = var.consumer_image
      command = ["sink"]
      stop_s  = 30
      memory  = 512
      secrets = ["clickhouse_ingest_password"]
      after   = local.when_topics_and_tables_are_there
    })

    transformer = merge(local.app, {
      image       = var.consumer_image
      command     = ["transform"]
      stop_s      = 30
      memory      = 384
      after       = local.when_topics_are_there
      environment = merge(local.app.environment, { CLICKHOUSE_PASSWORD_FILE = "" })
    })

    # Asks every minute whether anything is missing or repeated, and writes what it finds into the table penstock_verdicts.
    auditor = merge(local.app, {
      image   = var.consumer_image
      command = ["audit", "--every", tostring(var.audit_every_s)]
      stop_s  = 30
      memory  = 256
      secrets = ["clickhouse_ingest_password"]
      after   = local.when_topics_and_tables_are_there
    })

    # REST, WebSockets and pages; it only reads.
    api = merge(local.app, {
      image       = var.api_image
      stop_s      = 15
      memory      = 256
      ports       = [{ ip = var.open_on, external = var.api_port, internal = 8000 }]
      secrets     = ["clickhouse_reader_password"]
      after       = local.when_topics_and_tables_are_there
      environment = merge(local.app.environment, local.settings[".env_app"])
    })

    kafka-ui = merge(local.base, {
      image  = var.kafka_ui_image
      memory = 384
      ports  = [{ ip = var.open_on, external = var.kafka_ui_port, internal = 8080 }]
      after  = local.when_brokers_are_healthy
      environment = {
        KAFKA_CLUSTERS_0_NAME              = "kafka"
        KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS  = "kafka-1:9092,kafka-2:9092,kafka-3:9092"
        KAFKA_CLUSTERS_0_READONLY          = "true"
        KAFKA_CLUSTERS_0_DEFAULTKEYSERDE   = "String"
        KAFKA_CLUSTERS_0_DEFAULTVALUESERDE = "String"
        JAVA_OPTS                          = "-Xms128m -Xmx256m"
      }
      healthcheck = {
        test         = ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/actuator/health"]
        interval     = "10s"
        timeout      = "10s"
        start_period = "2m0s"
        retries      = 6
      }
    })

    # Dashboards and an alert, from the files of ../grafana. At its first start it downloads the plugin for ClickHouse.
    grafana = merge(local.base, {
      image  = var.grafana_image
      stop_s = 30
      memory = 512
      ports  = [{ ip = var.open_grafana_on, external = var.grafana_port, internal = 3000 }]
      environment = {
        GF_PLUGINS_PREINSTALL_SYNC                = var.grafana_plugins
        GF_SECURITY_ADMIN_PASSWORD__FILE          = "/run/secrets/grafana_admin_password"
        GF_AUTH_ANONYMOUS_ENABLED                 = "true"
        GF_AUTH_ANONYMOUS_ORG_ROLE                = "Viewer"
        GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH = "/etc/penstock/dashboards/penstock.json"
        GF_SERVER_ENABLE_GZIP                     = "false" # with it 13.0 took 200 MiB more: docs/memory.md
        GF_SERVER_ROOT_URL                        = "http://localhost:${var.grafana_port}/"
        GF_ANALYTICS_REPORTING_ENABLED            = "false"
        GF_ANALYTICS_CHECK_FOR_UPDATES            = "false"
        GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES     = "false"
        GF_LOG_LEVEL                              = "warn"
        ALERT_URL                                 = var.grafana_alert_url
      }
      volumes = { grafana = "/var/lib/grafana" }
      files = {
        "grafana/provisioning/datasources" = "/etc/grafana/provisioning/datasources"
        "grafana/provisioning/dashboards"  = "/etc/grafana/provisioning/dashboards"
        "grafana/provisioning/alerting"    = "/etc/grafana/provisioning/alerting"
        "grafana/dashboards"               = "/etc/penstock/dashboards"
      }
      secrets = ["clickhouse_grafana_password", "grafana_admin_password"]
      after   = { migrate = "completed" }
      healthcheck = {
        test = [
          "CMD-SHELL",
          "wget -q -O /dev/null http://127.0.0.1:3000/api/health || curl -fsS -o /dev/null http://127.0.0.1:3000/api/health",
        ]
        interval     = "10s"
        timeout      = "10s"
        start_period = "3m0s"
        retries      = 6
      }
    })
  }
}
