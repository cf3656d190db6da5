"""What people may ask of a manager at work, over a socket that only its user can reach."""
