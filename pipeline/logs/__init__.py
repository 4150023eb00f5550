"""The proxy's access log, as CloudWatch Logs has it: a question as a filter pattern, its lines, and tables of them."""
