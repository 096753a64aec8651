-- Two streams into ClickHouse by its own Kafka engine, without a consumer, as two of the original systems had it.
-- At least once, and not part of Penstock: docs/kafka-engine.md says what it costs, skips and repeats. In infra/:
--
--   docker-compose exec -T clickhouse-server clickhouse-client --multiquery < clickhouse/kafka_engine.sql
--
-- Everything is in a database of its own: DROP DATABASE kafka_engine SYNC ends it. With brokers elsewhere, replace
-- their address, which stands twice.

CREATE DATABASE IF NOT EXISTS kafka_engine;

-- ratings: the topic shadow, which a transformer writes.
CREATE TABLE IF NOT EXISTS kafka_engine.shadow
(
    type LowCardinality(String),
    unique_id String,
    emit_timestamp DateTime('UTC')
)
ENGINE = MergeTree PARTITION BY toYYYYMM(emit_timestamp) ORDER BY (type, emit_timestamp);

CREATE TABLE IF NOT EXISTS kafka_engine.shadow_stream
(
    type String,
    unique_id String,
    emit_timestamp DateTime('UTC')
)
ENGINE = Kafka
SETTINGS
    kafka_broker_list = 'kafka-1:9092,kafka-2:9092,kafka-3:9092',
    kafka_topic_list = 'shadow',
    kafka_group_name = 'kafka-engine-ratings',
    kafka_format = 'JSONEachRow',
    kafka_flush_interval_ms = 1000,
    kafka_skip_broken_messages = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS kafka_engine.shadow_consumer TO kafka_engine.shadow AS
SELECT type, unique_id, emit_timestamp FROM kafka_engine.shadow_stream;

-- quotes: the topic metrics_raw. Its time is in Unix milliseconds.
CREATE TABLE IF NOT EXISTS kafka_engine.metrics
(
    time DateTime64(3, 'UTC'), bid_mean Float64, ask_mean Float64,
    bid_01 Nullable(Float64), bid_02 Nullable(Float64), bid_03 Nullable(Float64), bid_04 Nullable(Float64),
    bid_05 Nullable(Float64), bid_06 Nullable(Float64), bid_07 Nullable(Float64), bid_08 Nullable(Float64),
    bid_09 Nullable(Float64), bid_10 Nullable(Float64), bid_11 Nullable(Float64), bid_12 Nullable(Float64),
    bid_13 Nullable(Float64), bid_14 Nullable(Float64), bid_15 Nullable(Float64), bid_16 Nullable(Float64),
    bid_17 Nullable(Float64), bid_18 Nullable(Float64), bid_19 Nullable(Float64), bid_20 Nullable(Float64),
    bid_21 Nullable(Float64), bid_22 Nullable(Float64), bid_23 Nullable(Float64), bid_24 Nullable(Float64),
    bid_25 Nullable(Float64), bid_26 Nullable(Float64), bid_27 Nullable(Float64), bid_28 Nullable(Float64),
    bid_29 Nullable(Float64), bid_30 Nullable(Float64), bid_31 Nullable(Float64), bid_32 Nullable(Float64),
    bid_33 Nullable(Float64), bid_34 Nullable(Float64), bid_35 Nullable(Float64), bid_36 Nullable(Float64),
    bid_37 Nullable(Float64), bid_38 Nullable(Float64), bid_39 Nullable(Float64), bid_40 Nullable(Float64),
    bid_41 Nullable(Float64), bid_42 Nullable(Float64), bid_43 Nullable(Float64), bid_44 Nullable(Float64),
    bid_45 Nullable(Float64), bid_46 Nullable(Float64), bid_47 Nullable(Float64), bid_48 Nullable(Float64),
    bid_49 Nullable(Float64), bid_50 Nullable(Float64), ask_01 Nullable(Float64), ask_02 Nullable(Float64),
    ask_03 Nullable(Float64), ask_04 Nullable(Float64), ask_05 Nullable(Float64), ask_06 Nullable(Float64),
    ask_07 Nullable(Float64), ask_08 Nullable(Float64), ask_09 Nullable(Float64), ask_10 Nullable(Float64),
    ask_11 Nullable(Float64), ask_12 Nullable(Float64), ask_13 Nullable(Float64), ask_14 Nullable(Float64),
    ask_15 Nullable(Float64), ask_16 Nullable(Float64), ask_17 Nullable(Float64), ask_18 Nullable(Float64),
    ask_19 Nullable(Float64), ask_20 Nullable(Float64), ask_21 Nullable(Float64), ask_22 Nullable(Float64),
    ask_23 Nullable(Float64), ask_24 Nullable(Float64), ask_25 Nullable(Float64), ask_26 Nullable(Float64),
    ask_27 Nullable(Float64), ask_28 Nullable(Float64), ask_29 Nullable(Float64), ask_30 Nullable(Float64),
    ask_31 Nullable(Float64), ask_32 Nullable(Float64), ask_33 Nullable(Float64), ask_34 Nullable(Float64),
    ask_35 Nullable(Float64), ask_36 Nullable(Float64), ask_37 Nullable(Float64), ask_38 Nullable(Float64),
    ask_39 Nullable(Float64), ask_40 Nullable(Float64), ask_41 Nullable(Float64), ask_42 Nullable(Float64),
    ask_43 Nullable(Float64), ask_44 Nullable(Float64), ask_45 Nullable(Float64), ask_46 Nullable(Float64),
    ask_47 Nullable(Float64), ask_48 Nullable(Float64), ask_49 Nullable(Float64), ask_50 Nullable(Float64)
)
ENGINE = MergeTree PARTITION BY toYYYYMM(time) ORDER BY time;

CREATE TABLE IF NOT EXISTS kafka_engine.pipeliningData_queue
(
    time Int64, bid_mean Float64, ask_mean Float64,
    bid_01 Nullable(Float64), bid_02 Nullable(Float64), bid_03 Nullable(Float64), bid_04 Nullable(Float64),
    bid_05 Nullable(Float64), bid_06 Nullable(Float64), bid_07 Nullable(Float64), bid_08 Nullable(Float64),
    bid_09 Nullable(Float64), bid_10 Nullable(Float64), bid_11 Nullable(Float64), bid_12 Nullable(Float64),
    bid_13 Nullable(Float64), bid_14 Nullable(Float64), bid_15 Nullable(Float64), bid_16 Nullable(Float64),
    bid_17 Nullable(Float64), bid_18 Nullable(Float64), bid_19 Nullable(Float64), bid_20 Nullable(Float64),
    bid_21 Nullable(Float64), bid_22 Nullable(Float64), bid_23 Nullable(Float64), bid_24 Nullable(Float64),
    bid_25 Nullable(Float64), bid_26 Nullable(Float64), bid_27 Nullable(Float64), bid_28 Nullable(Float64),
    bid_29 Nullable(Float64), bid_30 Nullable(Float64), bid_31 Nullable(Float64), bid_32 Nullable(Float64),
    bid_33 Nullable(Float64), bid_34 Nullable(Float64), bid_35 Nullable(Float64), bid_36 Nullable(Float64),
    bid_37 Nullable(Float64), bid_38 Nullable(Float64), bid_39 Nullable(Float64), bid_40 Nullable(Float64),
    bid_41 Nullable(Float64), bid_42 Nullable(Float64), bid_43 Nullable(Float64), bid_44 Nullable(Float64),
    bid_45 Nullable(Float64), bid_46 Nullable(Float64), bid_47 Nullable(Float64), bid_48 Nullable(Float64),
    bid_49 Nullable(Float64), bid_50 Nullable(Float64), ask_01 Nullable(Float64), ask_02 Nullable(Float64),
    ask_03 Nullable(Float64), ask_04 Nullable(Float64), ask_05 Nullable(Float64), ask_06 Nullable(Float64),
    ask_07 Nullable(Float64), ask_08 Nullable(Float64), ask_09 Nullable(Float64), ask_10 Nullable(Float64),
    ask_11 Nullable(Float64), ask_12 Nullable(Float64), ask_13 Nullable(Float64), ask_14 Nullable(Float64),
    ask_15 Nullable(Float64), ask_16 Nullable(Float64), ask_17 Nullable(Float64), ask_18 Nullable(Float64),
    ask_19 Nullable(Float64), ask_20 Nullable(Float64), ask_21 Nullable(Float64), ask_22 Nullable(Float64),
    ask_23 Nullable(Float64), ask_24 Nullable(Float64), ask_25 Nullable(Float64), ask_26 Nullable(Float64),
    ask_27 Nullable(Float64), ask_28 Nullable(Float64), ask_29 Nullable(Float64), ask_30 Nullable(Float64),
    ask_31 Nullable(Float64), ask_32 Nullable(Float64), ask_33 Nullable(Float64), ask_34 Nullable(Float64),
    ask_35 Nullable(Float64), ask_36 Nullable(Float64), ask_37 Nullable(Float64), ask_38 Nullable(Float64),
    ask_39 Nullable(Float64), ask_40 Nullable(Float64), ask_41 Nullable(Float64), ask_42 Nullable(Float64),
    ask_43 Nullable(Float64), ask_44 Nullable(Float64), ask_45 Nullable(Float64), ask_46 Nullable(Float64),
    ask_47 Nullable(Float64), ask_48 Nullable(Float64), ask_49 Nullable(Float64), ask_50 Nullable(Float64)
)
ENGINE = Kafka
SETTINGS
    kafka_broker_list = 'kafka-1:9092,kafka-2:9092,kafka-3:9092',
    kafka_topic_list = 'metrics_raw',
    kafka_group_name = 'kafka-engine-quotes',
    kafka_format = 'JSONEachRow',
    kafka_flush_interval_ms = 1000,
    kafka_skip_broken_messages = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS kafka_engine.pipeliningData_mv TO kafka_engine.metrics AS
SELECT fromUnixTimestamp64Milli(time, 'UTC') AS time, * EXCEPT time FROM kafka_engine.pipeliningData_queue;
