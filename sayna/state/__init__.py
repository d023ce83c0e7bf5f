"""What workers share: files, locks, a database, a leader, counters."""
