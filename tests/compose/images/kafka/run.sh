#!/bin/bash
# From KAFKA_… to properties, by the class that the real image calls (it is in kafka_2.13's jar); then the broker.
set -e
export CLUSTER_ID=${CLUSTER_ID:-5L6g3nShT-eMCtK--X86sw}
said=$(/opt/kafka/bin/kafka-docker-wrapper.sh setup --default-configs-dir /etc/kafka/docker \
    --mounted-configs-dir /mnt/shared/config --final-configs-dir /opt/kafka/config 2>&1) \
  || grep -qi 'already formatted' <<<"$said" || { echo "$said"; exit 1; }
exec /opt/kafka/bin/kafka-server-start.sh /opt/kafka/config/server.properties
