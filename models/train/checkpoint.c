/*
 * Checkpoints: a header that names the rule, then every array in a fixed order, in this
 * machine's byte order. Replaced whole, so that a kill leaves the one before.
 */
#include "models/train/state.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static const char magic[8] = "GNTLTRN1";

/* What makes a checkpoint belong to a rule: all that later epochs depend on. Pointers are
 * left out, and so are threads, which change nothing. */
static void rule_key(const struct train_rule *rule, char hex[HASH_HEX])
{
    const double numbers[] = {rule->side,
                              rule->n_classes,
                              rule->epochs,
                              rule->parts,
                              rule->size,
                              rule->optimizer.kind,
                              rule->optimizer.momentum,
                              rule->optimizer.beta1,
                              rule->optimizer.beta2,
                              rule->optimizer.epsilon,
                              rule->optimizer.weight_decay,
                              rule->schedule.kind,
                              rule->schedule.rate,
                              rule->schedule.warmup,
                              rule->schedule.factor,
                              rule->smoothing,
                              rule->average,
                              rule->augment.flip,
                              rule->augment.crop,
                              rule->augment.jitter,
                              rule->augment.randaugment,
                              rule->augment.magnitude,
                              rule->augment.mixup,
                              rule->augment.cutmix,
                              rule->adversary,
                              rule->eps,
                              rule->alpha,
                              rule->beta,
                              rule->steps,
                              rule->distill,
                              rule->temperature,
                              (double)rule->seed};
    struct hash hash;
    hash_init(&hash);
    hash_add_string(&hash, rule->architecture->name);
    hash_add(&hash, numbers, sizeof numbers);
    hash_add(&hash, rule->schedule.milestones, sizeof rule->schedule.milestones);
    hash_add(&hash, rule->mean, sizeof rule->mean);
    hash_add(&hash, rule->std, sizeof rule->std);
    hash_finish(&hash, hex);
}

static void put_floats(struct text *out, const float *data, size_t count)
{
    uint64_t present = data ? count : 0;
    text_add_bytes(out, &present, sizeof present);
    if (data)
        text_add_bytes(out, data, count * sizeof *data);
}

enum status trainer_save(const struct trainer *t, const char *path)
{
    char key[HASH_HEX];
    rule_key(&t->rule, key);
    struct text out = {0};
    uint64_t counters[2] = {(uint64_t)t->epoch, t->steps};
    text_add_bytes(&out, magic, sizeof magic);
    text_add_bytes(&out, key, sizeof key);
    text_add_bytes(&out, counters, sizeof counters);
    for (int i = 0; i < training_arrays(t->training); i++) {
        size_t count;
        const float *data = training_array(t->training, i, &count);
        put_floats(&out, data, count);
    }
    for (int i = 0; i < training_variables(t->training); i++) {
        size_t count = training_variable(t->training, i)->count;
        text_add_bytes(&out, &t->optimizers[i].steps, sizeof t->optimizers[i].steps);
        put_floats(&out, t->optimizers[i].first, count);
        put_floats(&out, t->optimizers[i].second, count);
        put_floats(&out, t->averages ? t->averages[i] : NULL, count);
    }
    enum status st = file_replace(path, out.data, out.size);
    text_clear(&out);
    return st;
}

struct reader {
    const uint8_t *at;
    size_t left;
};

static bool take(struct reader *in, void *out, size_t size)
{
    if (in->left < size)
        return false;
    memcpy(out, in->at, size);
    in->at += size;
    in->left -= size;
    return true;
}

/* Floats that must be there. */
static bool take_floats(struct reader *in, float *data, size_t count)
{
    uint64_t present;
    return take(in, &present, sizeof present) && present == count &&
           take(in, data, count * sizeof *data);
}

/* Floats that may be absent; *data is made when they are not. */
static bool take_optional(struct reader *in, float **data, size_t count)
{
    uint64_t present;
    if (!take(in, &present, sizeof present) || (present && present != count))
        return false;
    if (!present)
        return true;
    if (!*data)
        *data = mem_array(count, sizeof **data);
    return take(in, *data, count * sizeof **data);
}

static bool read_all(struct trainer *t, struct reader *in)
{
    uint64_t counters[2];
    bool good = take(in, counters, sizeof counters);
    for (int i = 0; i < training_arrays(t->training) && good; i++) {
        size_t count;
        float *data = training_array(t->training, i, &count);
        good = take_floats(in, data, count);
    }
    for (int i = 0; i < training_variables(t->training) && good; i++) {
        size_t count = training_variable(t->training, i)->count;
        struct optimizer *o = &t->optimizers[i];
        float *none = NULL;
        good = take(in, &o->steps, sizeof o->steps) &&
               take_optional(in, &o->first, count) &&
               take_optional(in, &o->second, count) &&
               take_optional(in, t->averages ? &t->averages[i] : &none, count);
        free(none);
    }
    t->epoch = good ? (int)counters[0] : 0;
    t->steps = good ? counters[1] : 0;
    return good && !in->left;
}

enum status trainer_resume(struct trainer *t, const char *path)
{
    struct mapping map;
    char key[HASH_HEX], found[HASH_HEX], start[sizeof magic];
    enum status st = file_map(path, &map);
    if (st)
        return st;
    struct reader in = {map.data, map.size};
    rule_key(&t->rule, key);
    if (!take(&in, start, sizeof start) || memcmp(start, magic, sizeof magic))
        st = status_fail(ERR_FORMAT, "%s: not a checkpoint", path);
    else if (!take(&in, found, sizeof found) || memcmp(found, key, sizeof key))
        st = status_fail(ERR_FORMAT,
                         "%s: a checkpoint of another training; remove it, or "
                         "restore the configuration it was made with",
                         path);
    else if (!read_all(t, &in))
        st = status_fail(ERR_FORMAT, "%s: the checkpoint is damaged", path);
    file_unmap(&map);
    return st;
}
