"""What operators do to the rows: old ones removed, all of them held against each other."""
