"""What AWS identities may do (awacs documents), and what our templates may say (rules/*.guard)."""
