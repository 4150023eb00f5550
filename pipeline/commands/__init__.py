"""The commands, one function each, grouped by what people do. Only here (and in pipeline/local/cli.py) anything is printed."""
