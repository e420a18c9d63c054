"""The formats of the leaderboard, a file each."""
