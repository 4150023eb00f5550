"""CodePipeline as the local engine does it: the API, and the walk through what was deployed."""
