"""What people write, checked. Knows no rows."""
