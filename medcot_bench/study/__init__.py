"""What a study file, the command line and a preset may say, read and checked."""
