"""Container images without a container engine: a Dockerfile becomes a reproducible layer, an OCI manifest and an ECR image."""
