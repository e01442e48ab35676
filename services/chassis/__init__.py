"""What every service is bolted onto: how it starts, fails, logs, measures, stores and talks. No business word."""
