"""Webhooks: web addresses that are told of calls, as Standard Webhooks has it."""
