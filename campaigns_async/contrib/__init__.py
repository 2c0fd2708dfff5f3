"""What goes between the client and other packages; each module needs an extra of its own."""
