"""The result folder: its records, how they are written and read, and the leaderboard made of them."""
