"""Parameters divided by the axis along which their weights have the outputs."""

from typing import Any

from torch import nn


def by_output_axis(model: nn.Module) -> list[dict[str, Any]]:
    """Divide a network's parameters by the axis of their output channels."""
    transposed: dict[nn.Parameter, None] = {}
    for name, module in model.named_modules():
        has_weight = isinstance(module, nn.modules.conv._ConvNd | nn.Linear)
        if has_weight and "weight" not in module._parameters:
            raise ValueError(f"{name}: its weight is computed from others, as by weight_norm")
        if isinstance(module, nn.modules.conv._ConvTransposeNd):
            if module.groups == 1:
                transposed[module.weight] = None
            elif module.groups < module.out_channels:
                raise ValueError(
                    f"{name}: a transposed convolution in {module.groups} groups has no axis of filters"
                )
    rest = [parameter for parameter in model.parameters() if parameter not in transposed]
    groups: list[dict[str, Any]] = [
        {"params": rest},
        {"params": list(transposed), "output_axis": 1},
    ]
    return [group for group in groups if group["params"]]
