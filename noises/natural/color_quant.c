/*
 * Few colours: only the upper 5, 4, 3, 2 or 1 bits of each channel are kept.
 *
 * Source: Kar et al., CVPR 2022, arXiv:2203.01441.
 */
#include "noises/natural/parts.h"

static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    (void)draws;
    uint8_t mask = (uint8_t)(0xff << (2 + args->severity));
    for (size_t i = 0; i < image_size(image); i++)
        image->data[i] &= mask;
    return OK;
}

const struct natural natural_color_quant = {
    .name = "color_quant",
    .summary = "few levels a channel: 5 bits down to 1",
    .source = "arXiv:2203.01441",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .render = render,
};
