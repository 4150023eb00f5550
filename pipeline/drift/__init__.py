"""What is live against what was deployed against what Git says, and the three answers to a difference."""
