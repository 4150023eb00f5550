"""The local CloudFormation: stacks kept in the engine's store, every resource made through AWS APIs of the engine's own endpoint."""
