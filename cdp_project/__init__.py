"""Floor and roof of the house: settings, kernel, workspaces, console."""
