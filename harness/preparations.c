#include "harness/preparations.h"

#include "base/mem.h"
#include "base/text.h"

// clang-format off
static const struct preparation values[] = {
    {"as its record says", {NULL}},
    {"torch ImageNet, rgb", {"order=rgb", "scale=1/255", "mean=0.485 0.456 0.406", "std=0.229 0.224 0.225", NULL}},
    {"torch ImageNet, bgr", {"order=bgr", "scale=1/255", "mean=0.485 0.456 0.406", "std=0.229 0.224 0.225", NULL}},
    {"[-1,1), rgb",         {"order=rgb", "scale=1", "mean=128", "std=128", NULL}},
    {"[-1,1], rgb",         {"order=rgb", "scale=1", "mean=127.5", "std=127.5", NULL}},
    {"[-1,1], bgr",         {"order=bgr", "scale=1", "mean=127.5", "std=127.5", NULL}},
    {"[0,1], rgb",          {"order=rgb", "scale=1/255", "mean=0", "std=1", NULL}},
    {"[0,1], bgr",          {"order=bgr", "scale=1/255", "mean=0", "std=1", NULL}},
    {"[0,255], rgb",        {"order=rgb", "scale=1", "mean=0", "std=1", NULL}},
    {"[0,255], bgr",        {"order=bgr", "scale=1", "mean=0", "std=1", NULL}},
    {"caffe mean, bgr",     {"order=bgr", "scale=1", "mean=123 117 104", "std=1", NULL}},
    {"caffe mean, rgb",     {"order=rgb", "scale=1", "mean=123 117 104", "std=1", NULL}},
    {"CIFAR-10, std .2471", {"order=rgb", "scale=1/255", "mean=0.4914 0.4822 0.4465", "std=0.2471 0.2435 0.2616", NULL}},
    {"CIFAR-10, std .2023", {"order=rgb", "scale=1/255", "mean=0.4914 0.4822 0.4465", "std=0.2023 0.1994 0.2010", NULL}},
    {"mean .5, std .5",     {"order=rgb", "scale=1/255", "mean=0.5", "std=0.5", NULL}},
};
static const struct preparation shapes[] = {
    {"no resize",                 {"resize_rule=none", "resize=0", NULL}},
    {"short side 256, bilinear",  {"resize_rule=short", "resize=256", "resizer=pillow-bilinear", NULL}},
    {"short side 256, bicubic",   {"resize_rule=short", "resize=256", "resizer=pillow-bicubic", NULL}},
    {"short side 256, OpenCV",    {"resize_rule=short", "resize=256", "resizer=opencv-bilinear", NULL}},
    {"short side 232, bilinear",  {"resize_rule=short", "resize=232", "resizer=pillow-bilinear", NULL}},
    {"short side 224, bilinear",  {"resize_rule=short", "resize=224", "resizer=pillow-bilinear", NULL}},
    {"squashed to 256, bilinear", {"resize_rule=squash", "resize=256", "resizer=pillow-bilinear", NULL}},
    {"squashed to 224, bilinear", {"resize_rule=squash", "resize=224", "resizer=pillow-bilinear", NULL}},
};
// clang-format on

const struct preparation *preparations_of_values(size_t *count)
{
    *count = sizeof values / sizeof *values;
    return values;
}

const struct preparation *preparations_of_shape(size_t *count)
{
    *count = sizeof shapes / sizeof *shapes;
    return shapes;
}

void preparation_join(const struct preparation *a, const struct preparation *b,
                      const char *out[16])
{
    size_t count = 0;
    for (size_t i = 0; a->overrides[i]; i++)
        out[count++] = a->overrides[i];
    for (size_t i = 0; b && b->overrides[i]; i++)
        out[count++] = b->overrides[i];
    out[count] = NULL;
}

char *preparation_text(const struct preparation *a, const struct preparation *b)
{
    const char *all[16];
    struct text text = {0};
    preparation_join(a, b, all);
    for (size_t i = 0; all[i]; i++)
        text_addf(&text, "%s--set '%s'", i ? " " : "", all[i]);
    return text.data ? text.data : mem_copy("");
}
