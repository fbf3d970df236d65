"""A network as Keras prints it: layers, output shapes, parameters, and the indices of its weights."""
