"""Each module judges one kind of promise: functions from evidence to violations, nothing else."""
