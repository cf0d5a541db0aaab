/* The product of `gauntlet quantize`: what is written, and what is said of it. */
#pragma once

#include "models/compress/compress.h"
#include "models/record.h"

struct quantized {
    const struct compress *compress;
    const struct model_record *float_record; /* of the twin */
    const char *methods;                     /* "cle+brecq" */
    bool mixed;
    const char *calibration, *calibration_sha, *command; /* for the metadata */
};

/* The network with its metadata, and its record beside it. */
enum status quantized_write(const struct quantized *product, bool int4, const char *path);

/* To stdout: a line a layer; three honest sizes (if every code took just its bits, in the
 * file, and with the product opened for running). */
void quantized_print_layers(const struct quantized *product);
enum status quantized_print_sizes(const struct quantized *product, const char *path);

/* How many weights there are on grids. */
double quantized_weights(const struct compress *compress);
