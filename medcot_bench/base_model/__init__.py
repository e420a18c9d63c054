"""What `--model` names, found and measured from its files' headers; no weights are loaded."""
