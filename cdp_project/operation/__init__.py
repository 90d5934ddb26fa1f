"""What the operator watches: figures, and an examination that says what is wrong."""
