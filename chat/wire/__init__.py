"""What travels between browser and server: frames, their fields, payloads."""
