"""Who may do what: IAM's decision about one request, as the policies stand."""
