"""Call records: what is known of each finished call, stored, searchable and explained."""
