"""Reading back what became of events on connections. Every look takes the workspace's own connections along."""
