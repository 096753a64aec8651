"""What every process of ours needs: signals, exit codes, logs, health, clock, deadlines, retries."""
