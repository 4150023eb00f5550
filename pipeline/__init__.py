"""How desired state gets to AWS: render, check, plan, the CodePipeline stack, and the command line."""
