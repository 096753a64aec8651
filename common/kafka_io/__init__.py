"""The only talk with Kafka: bulk reading and writing, connections, topics. Edges import it, pure code never does."""
