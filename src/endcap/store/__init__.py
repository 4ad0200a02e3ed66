"""What outlives a process: live events, and releases with the pointer to the live one."""
