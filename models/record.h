/*
 * Where a network's identity and the preparation of its input come from. Key by key, the
 * first that speaks of it wins:
 *
 *   overrides     "key=value" of the command line or suite
 *   sidecar       NAME.yaml beside NAME.onnx
 *   catalogue     the entry whose SHA-256 is the file's (models/catalogue.yaml, built in,
 *                 and the user's own: GAUNTLET_CATALOGUE)
 *   metadata      "gauntlet.KEY" properties in the ONNX file, and the ONNX standard's
 *                 Image.BitmapPixelFormat and Image.NominalPixelRange
 *   guess         from the input's shape; preprocess.guessed is set when nothing above
 *                 said how pixels become numbers
 *
 * The keys, in every one of these places:
 *
 *   name variant arch family   words; the name defaults to the file's
 *   precision                  fp32 fp16 bf16 int8 int4 int2 ternary binary codebook snn
 *   twin                       name of the full-precision twin
 *   technique                  how it was trained or compressed
 *   gradient                   exact surrogate none
 *   recipe                     a named preparation of the catalogue, "imagenet-torch"
 *   input                      width, height that the network sees
 *   resize                     short side before the crop; 0: none
 *   resize_rule                short squash none
 *   resizer decoder            names of noises/system
 *   order                      rgb bgr
 *   layout                     nchw nhwc
 *   scale                      x = u8 * scale: 1/255 or 1
 *   mean std                   then (x - mean) / std; one number or three, in RGB order
 *   n_classes
 */
#pragma once

#include "models/model.h"

/* What the graph itself says. */
struct record_facts {
    const char *(*metadata)[2]; /* key, value */
    int n_metadata;
    struct shape input;    /* dim -1 is unknown or symbolic */
    int n_classes;         /* of the output; 0 unknown */
    const char *precision; /* "int8" for QDQ, "fp16", ...; NULL is fp32 */
};

/*
 * Fills all of `out` but params, macs and opset. ERR_FORMAT names the file and line of a
 * mistake in a sidecar, or how record and graph contradict each other; ERR_USAGE is for
 * overrides. overrides may be NULL.
 */
enum status record_read(const char *path, const struct record_facts *facts,
                        const char *const *overrides, struct model_record *out);
void record_clear(struct model_record *record);

/* Canonical JSON of the preprocessing, as stored and hashed. The caller frees. */
char *record_preprocess_json(const struct model_record *record);

/*
 * Writes the sidecar of a network: all keys that are set. For trainers and compressors,
 * whose products must not lose what was known of their origin.
 */
enum status record_write(const struct model_record *record, const char *onnx_path);
