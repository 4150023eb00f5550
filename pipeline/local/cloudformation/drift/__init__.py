"""What is live against what a stack wants: detection, its answers, and the way back (REVERT_DRIFT)."""
