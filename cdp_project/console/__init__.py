"""The console: the admin site that people work in, and the commands that run the product."""
