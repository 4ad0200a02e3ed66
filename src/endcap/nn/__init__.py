"""What networks share: reading sequences, losses, and the one training loop."""
