"""Identity: who is behind a batch, and what is known of them."""
