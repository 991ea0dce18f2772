"""Complex numbers inside a model: the graph is rewritten to pairs of real tensors before the conversion.

``split`` walks the graph, ``rules`` has what each operator becomes, ``parts`` the arithmetic of pairs and ``fourier`` the
transforms. Converters, and so gradients, see real tensors only. PyTorch's gradient of a real loss with respect to
z = x + iy is dL/dx + i dL/dy: what the derivatives of the real operators give.
"""
