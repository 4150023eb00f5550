"""Roles in the emulated AWS: every request that one makes is decided by its policies as they are deployed there."""
