"""Seeded schedules of crashes, lost and late messages over the checkout's real steps."""
