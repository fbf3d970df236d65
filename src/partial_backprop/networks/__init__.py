"""Networks, one module each: ``build(image_shape, n_classes, *, options) -> nn.Module``."""
