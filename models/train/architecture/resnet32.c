#include "models/train/architecture/resnet.h"

static struct value *build(struct builder *b, struct value *x, int n_classes)
{
    return resnet_build(b, x, 5, 16, n_classes);
}

const struct architecture architecture_resnet32 = {
    .name = "resnet32",
    .summary = "ResNet-32, CIFAR form, 16 to 64 channels",
    .source = "arXiv:1512.03385",
    .side = 32,
    .build = build,
};
