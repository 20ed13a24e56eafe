"""The bus on Apache Kafka. Nothing outside this package imports kafka-python."""
