/* ResNet in its CIFAR form, shared by the depths. Private to the folder. */
#pragma once

#include "models/train/architecture.h"

/* 6 n + 2 layers: three stages of n basic blocks, `width`, 2 and 4 times `width` channels. */
struct value *resnet_build(struct builder *b, struct value *x, int n, int width,
                           int n_classes);
