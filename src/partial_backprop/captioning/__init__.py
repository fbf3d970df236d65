"""Captions for images: an encoder's features, a decoder that looks at them, and its words."""
