#!/bin/bash
# Installed as every /opt/kafka/bin/NAME.sh: starts the class that Apache's script of that name starts.
set -e
heap="-Xmx128m"
jit="-XX:TieredStopAtLevel=1"
level=error
case $(basename "$0" .sh) in
  kafka-server-start)
    class=kafka.Kafka
    heap=${KAFKA_HEAP_OPTS:--Xms1g -Xmx1g}
    jit="-XX:CompileThresholdScaling=4"
    level=${KAFKA_LOG4J_ROOT_LOGLEVEL:-INFO} ;;
  kafka-storage) class=kafka.tools.StorageTool ;;
  kafka-docker-wrapper) class=kafka.docker.KafkaDockerWrapper ;;
  kafka-broker-api-versions) class=org.apache.kafka.tools.BrokerApiVersionsCommand ;;
  kafka-topics) class=org.apache.kafka.tools.TopicCommand ;;
  kafka-configs) class=org.apache.kafka.tools.ConfigCommand ;;
  kafka-consumer-groups) class=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand ;;
  kafka-console-consumer) class=org.apache.kafka.tools.consumer.ConsoleConsumer ;;
  *) echo "no such tool here: $0" >&2; exit 127 ;;
esac
classes=$(printf '%s:' /opt/kafka/libs/*.jar)   # a list, not a wildcard: the archive of loaded classes is bound to it
archive="-XX:AOTCache=/opt/kafka/kafka.aot"
[ -z "$KAFKA_RECORD" ] || archive="-XX:AOTCacheOutput=$KAFKA_RECORD"
# shellcheck disable=SC2086
exec java $heap $jit $archive -Xlog:aot*=off -Xlog:cds*=off -XX:+UseSerialGC -XX:-UsePerfData \
  -Djava.awt.headless=true -Dorg.slf4j.simpleLogger.defaultLogLevel="${level,,}" \
  -Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat="yyyy-MM-dd'T'HH:mm:ss.SSS" \
  $KAFKA_OPTS -cp "${classes%:}" "$class" "$@"
