"""Measurements that need a quiet machine: programs, not tests."""
