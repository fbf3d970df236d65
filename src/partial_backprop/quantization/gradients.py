"""Quantize gradients after the backward pass, in one process or where processes exchange them."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from partial_backprop.quantization.packed_values import PackedValues, n_bytes
from partial_backprop.quantization.saved_activations import check_levels
from partial_backprop.quantization.weibull import check_bits


class GradientQuantizer:
    """Replace gradients by what would arrive if they were sent in few bits.

    In one process call `after_backward` before each step of the optimizer. With ``DistributedDataParallel``
    register it instead: ``model.register_comm_hook(quantizer, all_reduce_quantized)``.

    Parameters
    ----------
    parameters : mapping of str to Parameter
        Those whose gradients are quantized, by name.
    bits : int
        From 1 to 8; one more per value keeps the sign.
    levels : {"uniform", "weibull"}
        How levels are chosen, for each gradient anew.
    error_feedback : bool
        Whether what the rounding took is added to the next gradient. Rounding is then to the nearest level,
        since the errors of random rounding may exceed the gradient and would grow; without, it is at random
        and without bias.
    min_size : int
        Gradients of fewer values are sent as they are.
    seed : int
        Of the rounding; give each process its own.

    Attributes
    ----------
    n_bytes : int
        Bytes that were sent by this process, summed over all steps.
    n_bytes_before : int
        Bytes of these gradients.

    Raises
    ------
    ValueError
        If the bits are out of range, or the levels unknown.

    References
    ----------
    TinyScript: see `partial_backprop.quantization.weibull`. S. P. Karimireddy et al., "Error feedback fixes
    SignSGD and other gradient compression schemes", ICML 2019.
    """

    def __init__(
        self,
        parameters: Mapping[str, nn.Parameter],
        bits: int,
        levels: str = "weibull",
        *,
        error_feedback: bool = False,
        min_size: int = 1024,
        seed: int = 0,
    ) -> None:
        check_bits(bits)
        check_levels(levels)
        self._parameters = dict(parameters)
        self._names = {id(parameter): name for name, parameter in parameters.items()}
        self.bits, self._levels, self._min_size = bits, levels, min_size
        self._residuals: dict[str, Tensor] | None = {} if error_feedback else None
        self._generators: dict[torch.device, torch.Generator] = {}
        self.n_bytes = self.n_bytes_before = 0
        self.begin_epoch(seed)

    def begin_epoch(self, seed: int) -> None:
        """Begin an epoch's draws.

        Parameters
        ----------
        seed : int
            Of the epoch: what is drawn in it does not depend on the epochs before.
        """
        self._seed = seed
        self._generators.clear()

    @torch.no_grad()
    def after_backward(self) -> None:
        """Quantize the gradients in place."""
        for parameter in self._parameters.values():
            if parameter.grad is not None:
                values = self.unpack(self.pack(parameter, parameter.grad.flatten()), parameter)
                parameter.grad.copy_(values.view_as(parameter.grad))

    def pack(self, parameter: nn.Parameter, gradient: Tensor) -> Tensor:
        """Quantize one gradient, count its bytes, and remember the error if asked to.

        Parameters
        ----------
        parameter : Parameter
            Whose gradient it is.
        gradient : Tensor of shape (n,)
            Its values, in the same order at each call.

        Returns
        -------
        Tensor of uint8
            What is sent: as many bytes in all processes.
        """
        name = self._names.get(id(parameter))
        self.n_bytes_before += gradient.nbytes
        if name is None or len(gradient) < self._min_size:
            self.n_bytes += gradient.nbytes
            return gradient.contiguous().view(torch.uint8)
        residual = None if self._residuals is None else self._residuals.get(name)
        if residual is not None:
            gradient = gradient + residual
        packed = PackedValues.of(
            gradient,
            self.bits,
            self._levels,
            self._generator(gradient.device),
            nearest=self._residuals is not None,
        )
        if self._residuals is not None:
            self._residuals[name] = gradient - packed.unpack()
        self.n_bytes += packed.content.nbytes
        return packed.content

    def unpack(self, content: Tensor, parameter: nn.Parameter) -> Tensor:
        """Undo `pack`, but for the rounding.

        Parameters
        ----------
        content : Tensor of uint8
            What was sent.
        parameter : Parameter
            Whose gradient it is.

        Returns
        -------
        Tensor of shape (n,)
            The gradient.
        """
        n = parameter.numel()
        if id(parameter) not in self._names or n < self._min_size:
            return content.clone().view(parameter.dtype)
        return PackedValues(content, self.bits, n, parameter.dtype).unpack()

    def _generator(self, device: torch.device) -> torch.Generator:
        if device not in self._generators:
            self._generators[device] = torch.Generator(device).manual_seed(self._seed)
        return self._generators[device]

    def size(self, parameter: nn.Parameter) -> int:
        """Count the bytes that one gradient is sent in.

        Parameters
        ----------
        parameter : Parameter
            Whose gradient it is.

        Returns
        -------
        int
            Bytes.
        """
        n = parameter.numel()
        if id(parameter) not in self._names or n < self._min_size:
            return n * parameter.element_size()
        return n_bytes(n, self.bits, parameter.dtype)

    def state_dict(self) -> dict[str, Any]:
        """Copy what has to be kept to go on exactly.

        Returns
        -------
        dict
            Tensors and numbers, for `torch.save`.
        """
        return {
            "residuals": {name: one.clone() for name, one in (self._residuals or {}).items()},
            "n_bytes": self.n_bytes,
            "n_bytes_before": self.n_bytes_before,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on, at the beginning of an epoch, from where another quantizer was.

        Parameters
        ----------
        state : mapping
            What `state_dict` gave; its tensors may be on another device.

        Raises
        ------
        ValueError
            If it is of other parameters.
        """
        for name, residual in state["residuals"].items():
            if name not in self._parameters or len(residual) != self._parameters[name].numel():
                raise ValueError("the state is of other parameters: start the run afresh")
        if self._residuals is not None:
            self._residuals = {
                name: one.to(self._parameters[name].device, copy=True)
                for name, one in state["residuals"].items()
            }
        self.n_bytes, self.n_bytes_before = state["n_bytes"], state["n_bytes_before"]


@torch.no_grad()
def all_reduce_quantized(
    quantizer: GradientQuantizer, bucket: dist.GradBucket
) -> torch.futures.Future[Tensor]:
    """Average gradients over processes, each sending its own in few bits.

    Parameters
    ----------
    quantizer : GradientQuantizer
        With the same options in all processes, but for the seed.
    bucket : GradBucket
        Gradients of a ``DistributedDataParallel``.

    Returns
    -------
    Future of Tensor
        Their average over the processes, for ``register_comm_hook``.
    """
    buffer, parameters = bucket.buffer(), bucket.parameters()
    gradients = buffer.split([parameter.numel() for parameter in parameters])
    sent = torch.cat(
        [quantizer.pack(p, gradient) for p, gradient in zip(parameters, gradients, strict=True)]
    )
    n_processes = dist.get_world_size()
    received = [torch.empty_like(sent) for _ in range(n_processes)]
    work = dist.all_gather(received, sent, async_op=True)

    def average(_: torch.futures.Future) -> Tensor:
        buffer.zero_()
        for content in received:
            parts = content.split([quantizer.size(parameter) for parameter in parameters])
            for gradient, part, parameter in zip(gradients, parts, parameters, strict=True):
                gradient += quantizer.unpack(part, parameter)
        return buffer.div_(n_processes)

    return work.get_future().then(average)
