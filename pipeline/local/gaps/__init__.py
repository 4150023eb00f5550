"""What moto lacks, one named function a gap, each with the moto version it was seen in."""
