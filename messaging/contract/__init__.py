"""What a record is: records, events, their schemas, and the checks between them."""
