"""The built-in engines: a light plugin module each (`fast`, `hf`), and the work behind it (`flat`, `padded`)."""
