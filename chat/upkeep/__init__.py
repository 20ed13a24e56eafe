"""What operators do with rows: prune old ones, reconcile all of them."""
