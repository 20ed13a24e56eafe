"""How far people have received and read: moved here, and taken over from the topic."""
