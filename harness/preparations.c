#include "harness/preparations.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>

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
/* Resizes as shares of the input's side: 256 and 232 before a crop of 224, and none. */
static const struct {
    const char *name, *rule, *resizer;
    int numerator, denominator;
} plans[] = {
    {"short side 8/7, bilinear",   "short",  "pillow-bilinear", 8, 7},
    {"short side 8/7, bicubic",    "short",  "pillow-bicubic",  8, 7},
    {"short side 8/7, OpenCV",     "short",  "opencv-bilinear", 8, 7},
    {"short side 29/28, bilinear", "short",  "pillow-bilinear", 29, 28},
    {"short side 1, bilinear",     "short",  "pillow-bilinear", 1, 1},
    {"squashed to 8/7, bilinear",  "squash", "pillow-bilinear", 8, 7},
    {"squashed to 1, bilinear",    "squash", "pillow-bilinear", 1, 1},
};
enum { PLANS = sizeof plans / sizeof *plans };
// clang-format on

const struct preparation *preparations_of_values(size_t *count)
{
    *count = sizeof values / sizeof *values;
    return values;
}

const struct preparation *preparations_of_shape(int side, size_t *count)
{
    static struct preparation shapes[PLANS + 1];
    static char words[PLANS][3][48];
    shapes[0] = (struct preparation){"no resize", {"resize_rule=none", "resize=0", NULL}};
    for (int i = 0; i < PLANS; i++) {
        int resize =
            (side * plans[i].numerator + plans[i].denominator / 2) / plans[i].denominator;
        snprintf(words[i][0], sizeof words[i][0], "resize_rule=%s", plans[i].rule);
        snprintf(words[i][1], sizeof words[i][1], "resize=%d", resize);
        snprintf(words[i][2], sizeof words[i][2], "resizer=%s", plans[i].resizer);
        shapes[i + 1] = (struct preparation){
            plans[i].name, {words[i][0], words[i][1], words[i][2], NULL}};
    }
    *count = PLANS + 1;
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
