/* Pictures for the trainer: a dataset through decoders and resizers, kept in memory where
 * every epoch sees the same pixels. */
#pragma once

#include "datasets/dataset.h"
#include "models/train/trainer.h"
#include "noises/system/system.h"

enum { TRAIN_MAX_MEMBERS = 16, TRAIN_MAX_BOOKS = 32 };

/* Datasets that several trainings of one command share, so that a generator's pictures are
 * made once. All-zero is empty. */
struct train_book {
    char *spec, *classes;
    bool unlabelled;
    struct dataset dataset;
};
struct train_shelf {
    struct train_book books[TRAIN_MAX_BOOKS];
    size_t count;
};
void train_shelf_clear(struct train_shelf *shelf);

struct train_data {
    const struct dataset *dataset; /* of the shelf */
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
 * pixels are kept, up to 2 GiB of them. */
enum status train_data_open(struct train_shelf *shelf, const char *spec,
                            const struct dataset_options *how, uint64_t limit,
                            uint64_t seed, int side, int resize, char *const *decoders,
                            unsigned n_decoders, char *const *resizers,
                            unsigned n_resizers, struct train_data *out);
void train_data_close(struct train_data *data);
