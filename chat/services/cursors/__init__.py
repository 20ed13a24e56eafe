"""How far people have received and read: moved, and taken over from the topic."""
