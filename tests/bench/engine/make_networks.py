#!/usr/bin/env python3
"""Exports the networks of the engine benchmark, with random weights, from PyTorch.

Usage: make_networks.py FOLDER        (needs python3-torch and python3-torchvision)
"""
import sys
import pathlib

import torch
import torchvision
from torch import nn
from torch.onnx import TrainingMode as Training


class Block(nn.Module):
    def __init__(self, inside, outside, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.short = nn.Sequential()
        if stride != 1 or inside != outside:
            self.short = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False),
                                       nn.BatchNorm2d(outside))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.short(x))


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
        width = 16
        for stage, out in enumerate((16, 32, 64)):
            for i in range(3):
                layers.append(Block(width, out, 2 if stage and not i else 1))
                width = out
        self.body = nn.Sequential(*layers)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        return self.fc(self.body(x).mean((2, 3)))


def networks():
    torch.manual_seed(0)
    return {
        "resnet20": (ResNet20(), 32),
        "mobilenet_v2": (torchvision.models.mobilenet_v2(), 224),
        "squeezenet1_1": (torchvision.models.squeezenet1_1(), 224),
        "resnet50": (torchvision.models.resnet50(), 224),
    }


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, (network, side) in networks().items():
        network.eval()
        # Exported for training, batch normalisation stays its own node.
        for end, kind in ((".onnx", Training.EVAL), ("_train.onnx", Training.PRESERVE)):
            file = folder / (name + end)
            if file.exists():
                continue
            torch.onnx.export(network, torch.zeros(1, 3, side, side), file, opset_version=13,
                              input_names=["input"], output_names=["logits"], training=kind,
                              dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}})


if __name__ == "__main__":
    main(sys.argv[1])
