"""The local engine: walks the deployed pipeline over an AWS in memory, with real nginx serving real bytes."""
