"""The networks of the paper: a residual generator and a critic of patches.

Source: Zhu et al. (2017), arXiv:1703.10593, section 4 and appendix 7.2: c7s1-64, d128, d256,
residual blocks of 256, u128, u64, c7s1-2; critic C64-C128-C256-C512 of 4 x 4 convolutions with
slope 0.2; instance normalisation; weights from a normal distribution of 0.02.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

START = 0.02
"""Standard deviation of weights at the start."""


class Residual(nn.Module):
    """Two 3 x 3 convolutions whose result is added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Add what the block has to say."""
        result: Tensor = self.layers(x)
        return x + result


def image_generator(filters: int, blocks: int, channels: int = 2) -> nn.Sequential:
    """Images to images of the other side, without noise.

    Args:
        filters: channels after the first layer.
        blocks: residual blocks.
        channels: of an image.
    """
    down = [
        layer
        for n in (filters, 2 * filters)
        for layer in (
            nn.Conv2d(n, 2 * n, 3, stride=2, padding=1),
            nn.InstanceNorm2d(2 * n),
            nn.ReLU(inplace=True),
        )
    ]
    up = [
        layer
        for n in (4 * filters, 2 * filters)
        for layer in (
            nn.ConvTranspose2d(n, n // 2, 3, stride=2, padding=1, output_padding=1),
            nn.InstanceNorm2d(n // 2),
            nn.ReLU(inplace=True),
        )
    ]
    network = nn.Sequential(
        nn.ReflectionPad2d(3),
        nn.Conv2d(channels, filters, 7),
        nn.InstanceNorm2d(filters),
        nn.ReLU(inplace=True),
        *down,
        *(Residual(4 * filters) for _ in range(blocks)),
        *up,
        nn.ReflectionPad2d(3),
        nn.Conv2d(filters, channels, 7),
        nn.Tanh(),
    )
    network.apply(_start)
    return network


def patch_critic(filters: int, channels: int = 2) -> nn.Sequential:
    """A verdict on every patch of 70 x 70 pixels; of an image of 64 x 64, on 6 x 6 of them."""
    layers: list[nn.Module] = [
        nn.Conv2d(channels, filters, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2, inplace=True),
    ]
    for n, stride in ((filters, 2), (2 * filters, 2), (4 * filters, 1)):
        layers += [
            nn.Conv2d(n, 2 * n, 4, stride=stride, padding=1),
            nn.InstanceNorm2d(2 * n),
            nn.LeakyReLU(0.2, inplace=True),
        ]
    network = nn.Sequential(*layers, nn.Conv2d(8 * filters, 1, 4, padding=1))
    network.apply(_start)
    return network


def _start(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, START)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
