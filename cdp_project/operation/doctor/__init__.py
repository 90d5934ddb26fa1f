"""The examination behind `manage.py doctor`: what is well, what is not, and how to mend it."""
