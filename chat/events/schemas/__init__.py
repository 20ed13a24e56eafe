"""JSON Schema of the topics, `<topic>.v<version>.json`: found through settings.TOPIC_SCHEMAS."""
