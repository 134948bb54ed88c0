"""Which settings to change, by the calls that were: figures from the records, advice from the figures."""
