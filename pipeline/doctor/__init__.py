"""What could stop a deployment, or lose a client, tomorrow: many small looks at an account, an environment and this computer."""
