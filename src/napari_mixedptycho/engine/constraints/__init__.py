"""What an estimate must obey, whatever the patterns say: each constraint is its settings."""
