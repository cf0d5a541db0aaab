/*
 * State of a run, written after each block: text line, then the codes of all layers and
 * the steps of all activations. Weights that do not depend on the activations' bits can
 * be taken up by a run with others.
 */
#include "models/compress/compress.h"

#include "base/file.h"
#include "base/hash.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEADER = 256 };
#define FORMAT "gauntlet quantize 3 %64s %64s %d %d %zu\n"

static size_t payload(const struct compress *c)
{
    size_t bytes = (size_t)c->n_acts * sizeof(double);
    for (int i = 0; i < c->n_layers; i++)
        bytes += (size_t)c->layers[i].count;
    return bytes;
}

/* What decides the codes of the weights, and of activations too where `acts`. */
static void make_key(const struct compress *c, const char *identity, bool acts, char *key)
{
    const struct compress_rule *rule = c->rule;
    struct hash hash;
    hash_init(&hash);
    hash_add_string(&hash, identity);
    for (int i = 0; i < rule->n_methods; i++) {
        hash_add_string(&hash, rule->methods[i]->name);
        acts |= rule->methods[i]->weights_depend_on_acts;
    }
    hash_add_string(&hash, rule->preset->name);
    hash_add_string(&hash, rule->weight_observer->name);
    for (int i = 0; i < c->n_layers; i++)
        hash_add_u64(&hash, (uint64_t)c->layers[i].bits);
    hash_add_u64(&hash, (uint64_t)rule->iterations);
    hash_add(&hash, &rule->rate, sizeof rule->rate);
    hash_add(&hash, &rule->lambda, sizeof rule->lambda);
    hash_add_u64(&hash, rule->fisher);
    hash_add_u64(&hash, rule->seed);
    if (acts) {
        hash_add_string(&hash, rule->act_observer->name);
        for (int i = 0; i < c->n_acts; i++)
            hash_add_u64(&hash, (uint64_t)c->acts[i].bits);
        hash_add_u64(&hash, (uint64_t)rule->step_iterations);
    }
    hash_finish(&hash, key);
}

static void take_codes(struct compress *c, const uint8_t *bytes, bool steps)
{
    for (int i = 0; i < c->n_layers; i++) {
        struct quant_layer *layer = &c->layers[i];
        for (int64_t k = 0; k < layer->count; k++) {
            const struct grid *grid = layer_grid(layer, k);
            int32_t code = grid->low + *bytes++;
            layer->codes[k] = code < grid->high ? code : grid->high;
        }
        compress_apply(c, layer);
    }
    double scale = 0;
    memcpy(&scale, bytes, sizeof scale);
    if (!steps || !(scale > 0))
        return;
    c->loaded_steps = mem_array((size_t)c->n_acts, sizeof *c->loaded_steps);
    memcpy(c->loaded_steps, bytes, (size_t)c->n_acts * sizeof *c->loaded_steps);
}

enum status compress_resume(struct compress *c, const char *state, const char *identity)
{
    c->state = state;
    make_key(c, identity, false, c->weights_key);
    make_key(c, identity, true, c->key);
    struct mapping file;
    if (access(state, F_OK))
        return OK;
    enum status st = file_map(state, &file);
    if (st)
        return st;
    char header[HEADER + 1] = "", weights[65], key[65];
    int done, weight_done;
    size_t bytes;
    if (file.size > HEADER)
        memcpy(header, file.data, HEADER);
    bool fits = sscanf(header, FORMAT, weights, key, &done, &weight_done, &bytes) == 5 &&
                bytes == payload(c) && file.size == HEADER + bytes && done >= 0 &&
                weight_done >= 0 && weight_done <= done &&
                !strcmp(weights, c->weights_key);
    if (fits) {
        bool whole = !strcmp(key, c->key);
        c->weight_steps_done = weight_done;
        c->steps_done = whole ? done : weight_done;
        take_codes(c, file.data + HEADER, whole);
        char line[80];
        snprintf(line, sizeof line, "%s holds %d blocks done", state, c->steps_done);
        if (c->note)
            c->note(line);
    }
    file_unmap(&file);
    return fits ? OK
                : status_fail(ERR_USAGE,
                              "%s: the state of another network, other pictures or other "
                              "options; remove it to begin anew",
                              state);
}

bool compress_step_done(struct compress *c)
{
    return c->step++ < c->steps_done;
}

enum status compress_step_save(struct compress *c, bool weights)
{
    if (!c->state)
        return OK;
    c->steps_done = c->step;
    if (weights)
        c->weight_steps_done = c->step;
    size_t bytes = payload(c);
    uint8_t *all = mem_array(HEADER + bytes, 1), *to = all + HEADER;
    snprintf((char *)all, HEADER, FORMAT, c->weights_key, c->key, c->steps_done,
             c->weight_steps_done, bytes);
    for (int i = 0; i < c->n_layers; i++)
        for (int64_t k = 0; k < c->layers[i].count; k++)
            *to++ = (uint8_t)(c->layers[i].codes[k] - layer_grid(&c->layers[i], k)->low);
    for (int i = 0; i < c->n_acts; i++, to += sizeof(double))
        memcpy(to, &c->acts[i].grid.scale, sizeof(double));
    enum status st = file_replace(c->state, all, HEADER + bytes);
    free(all);
    return st;
}
