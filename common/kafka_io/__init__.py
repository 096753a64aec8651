"""The only code that talks to Kafka: bulk reading and writing, connections, topics. Pure code never imports it."""
