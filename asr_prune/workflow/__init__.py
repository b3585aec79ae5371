"""What runs the stages: works, the ledger of what is done, the runner, the lock, the log."""
