/* Pictures for the trainer: a dataset through decoders and resizers, kept in memory where
 * every epoch sees the same pixels. */
#pragma once

#include "datasets/dataset.h"
#include "models/train/trainer.h"
#include "noises/system/system.h"

enum { TRAIN_MAX_MEMBERS = 16 };

struct train_data {
    struct dataset dataset;
    struct subset subset;
    struct geometry_rule rule;
    const struct decoder *decoders[TRAIN_MAX_MEMBERS];
    const struct resizer *resizers[TRAIN_MAX_MEMBERS];
    uint32_t n_decoders, n_resizers;
    uint8_t *cache;  /* [count][side][side][3], or NULL */
    uint8_t *cached; /* per sample: is it there? */
    struct train_source source;
};

/* `names` may be empty: turbo, pillow-bilinear. With one decoder and one resizer the
 * pixels are kept, up to 2 GiB of them. `unlabelled`: a plain folder of pictures will do. */
enum status train_data_open(const char *spec, const char *classes, bool unlabelled,
                            uint64_t limit, uint64_t seed, int side, int resize, char *const *decoders,
                            unsigned n_decoders, char *const *resizers,
                            unsigned n_resizers, struct train_data *out);
void train_data_close(struct train_data *data);
