"""The use cases. They raise our errors, know nothing of HTTP, and are the same for the server and the terminal."""
