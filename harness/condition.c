/* Reading a condition; its label, JSON and columns. */
#include "harness/condition.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- reading ------------------------------------------------------------------------ */

struct reader {
    const char *line;
    struct condition *condition;
    size_t start, length; /* of the word at hand */
    bool in_attack, in_natural, in_sequence, clean;
    unsigned seen;  /* bit per row of condition_keys */
    unsigned taken; /* and of the noise at hand's parameters */
};

/* Puts the line and a caret under the word at hand after this thread's message. */
static enum status point(const struct reader *reader)
{
    char *message = mem_copy(status_message());
    struct text carets = {0};
    for (size_t i = 0; i < reader->length; i++)
        text_add(&carets, "^");
    enum status st =
        status_fail(ERR_USAGE, "%s\n    %s\n    %*s%s", message, reader->line,
                    (int)reader->start, "", carets.data ? carets.data : "^");
    text_clear(&carets);
    free(message);
    return st;
}

static bool member_hint(const char *word)
{
    for (size_t i = 0; decoder_registry[i]; i++)
        if (!strcmp(decoder_registry[i]->name, word))
            return !!status_fail(ERR_USAGE, "'%s' is a decoder: write decode=%s", word,
                                 word);
    for (size_t i = 0; resizer_registry[i]; i++)
        if (!strcmp(resizer_registry[i]->name, word))
            return !!status_fail(ERR_USAGE, "'%s' is a resizer: write resize=%s", word,
                                 word);
    for (size_t i = 0; colour_registry[i]; i++)
        if (!strcmp(colour_registry[i]->name, word))
            return !!status_fail(ERR_USAGE, "'%s' is a colour path: write colour=%s",
                                 word, word);
    return false;
}

static enum status unknown_noise(const char *word)
{
    if (member_hint(word))
        return ERR_USAGE;
    const char *names[256] = {"clean"};
    char sequences[64][32];
    size_t count = 1;
    for (size_t i = 0; natural_registry[i] && count < 128; i++)
        names[count++] = natural_registry[i]->name;
    for (size_t i = 0; attack_registry[i] && count < 192; i++)
        names[count++] = attack_registry[i]->name;
    for (size_t i = 0; perturbation_registry[i] && i < 64; i++) {
        snprintf(sequences[i], sizeof *sequences, "%s-p", perturbation_registry[i]->name);
        names[count++] = sequences[i];
    }
    const char *near = text_nearest(word, names, count);
    return near
               ? status_fail(ERR_USAGE, "no noise '%s': did you mean '%s'?", word, near)
               : status_fail(ERR_USAGE, "no noise '%s'; see: gauntlet list noises", word);
}

static enum status unknown_key(const struct reader *reader, const char *key)
{
    const char *names[64];
    size_t count = 0;
    for (const struct system_key *k = condition_keys; k->key; k++)
        names[count++] = k->key;
    const struct condition *c = reader->condition;
    const struct param *table = reader->in_attack ? c->attack->params
                                : reader->in_natural
                                    ? c->naturals[c->n_naturals - 1].noise->params
                                    : NULL;
    for (; table && table->name && count < 60; table++)
        names[count++] = table->name;
    if (reader->in_natural || reader->in_sequence)
        names[count++] = "set";
    const char *near = text_nearest(key, names, count);
    return near
               ? status_fail(ERR_USAGE, "no step or parameter '%s': did you mean '%s'?",
                             key, near)
               : status_fail(ERR_USAGE,
                             "no step or parameter '%s'; see: gauntlet list noises", key);
}

static const struct natural *natural_named(const char *name)
{
    for (size_t i = 0; natural_registry[i]; i++)
        if (!strcmp(natural_registry[i]->name, name))
            return natural_registry[i];
    return NULL;
}

static const struct attack *attack_named(const char *name)
{
    for (size_t i = 0; attack_registry[i]; i++)
        if (!strcmp(attack_registry[i]->name, name))
            return attack_registry[i];
    return NULL;
}

/* "tilt-p" */
static const struct perturbation *sequence_named(const char *name)
{
    size_t length = strlen(name);
    if (length < 3 || strcmp(name + length - 2, "-p"))
        return NULL;
    for (size_t i = 0; perturbation_registry[i]; i++)
        if (strlen(perturbation_registry[i]->name) == length - 2 &&
            !strncmp(perturbation_registry[i]->name, name, length - 2))
            return perturbation_registry[i];
    return NULL;
}

static enum status add_sequence(struct reader *reader, const struct perturbation *sequence,
                                const char *difficulty)
{
    struct condition *c = reader->condition;
    if (c->sequence || c->n_naturals)
        return status_fail(ERR_USAGE, "%s-p: a sequence is made of the picture alone, "
                           "without another noise", sequence->name);
    if (difficulty && (!strchr("123", *difficulty) || strlen(difficulty) != 1))
        return status_fail(ERR_USAGE, "%s-p:%s: difficulties are 1 to 3", sequence->name,
                           difficulty);
    c->sequence = sequence;
    c->difficulty = difficulty ? *difficulty - '0' : 1;
    reader->in_sequence = true;
    return OK;
}

static enum status add_natural(struct reader *reader, const struct natural *noise,
                               const char *severity)
{
    struct condition *c = reader->condition;
    if (c->sequence)
        return status_fail(ERR_USAGE, "%s-p: a sequence is made of the picture alone, "
                           "without another noise", c->sequence->name);
    if (c->n_naturals == CONDITION_NATURALS)
        return status_fail(ERR_USAGE, "at most %d natural noises in one condition",
                           CONDITION_NATURALS);
    if (!severity && noise->severities > 1)
        return status_fail(ERR_USAGE, "%s needs a severity: %s:1 to %s:%d", noise->name,
                           noise->name, noise->name, noise->severities);
    char *end = NULL;
    long value = severity ? strtol(severity, &end, 10) : 1;
    if (severity && (!isdigit((unsigned char)*severity) || *end || value < 1 ||
                     value > noise->severities))
        return status_fail(ERR_USAGE, "%s:%s: severities are 1 to %d", noise->name,
                           severity, noise->severities);
    struct natural_step *step = &c->naturals[c->n_naturals++];
    *step = (struct natural_step){.noise = noise, .severity = (int)value, .set = -1};
    params_init(&step->params, noise->params);
    reader->in_natural = true;
    return OK;
}

static enum status add_noise(struct reader *reader, char *word)
{
    struct condition *c = reader->condition;
    char *severity = strchr(word, ':');
    reader->taken = 0;
    if (severity)
        *severity++ = 0;
    if (c->attack)
        return status_fail(ERR_USAGE,
                           "nothing comes after the attack %s but its parameters",
                           c->attack->name);
    if (!strcmp(word, "clean")) {
        reader->clean = true;
        return OK;
    }
    const struct natural *natural = natural_named(word);
    if (natural)
        return add_natural(reader, natural, severity);

    const struct perturbation *sequence = sequence_named(word);
    if (sequence)
        return add_sequence(reader, sequence, severity);

    const struct attack *attack = attack_named(word);
    if (!attack)
        return unknown_noise(word);
    if (c->sequence)
        return status_fail(ERR_USAGE, "%s: an attack takes a picture, not the sequence %s-p",
                           word, c->sequence->name);
    if (severity)
        return status_fail(ERR_USAGE, "%s has no severities: its budget is eps=", word);
    c->attack = attack;
    params_init(&c->attack_params, attack->params);
    reader->in_attack = true;
    reader->in_natural = false;
    return OK;
}

static enum status set_set(const char *value, int *out)
{
    enum natural_set set = NATURAL_224;
    enum status st = natural_set_find(value, &set);
    *out = st ? -1 : (int)set;
    return st;
}

/* Was the parameter given before, to this noise? */
static bool given_before(struct reader *reader, const struct params *params, const char *key)
{
    size_t i = 0;
    while (strcmp(params->table[i].name, key))
        i++;
    bool before = reader->taken >> i & 1;
    reader->taken |= 1u << i;
    return before;
}

/* A parameter of the noise just named: true when it was one, with *st its outcome. */
static bool set_parameter(struct reader *reader, const char *key, const char *value,
                          enum status *st)
{
    struct condition *c = reader->condition;
    const char *name = NULL;
    struct params *params = NULL;
    if (reader->in_sequence && !strcmp(key, "set")) {
        *st = set_set(value, &c->sequence_set);
        return true;
    }
    if (reader->in_attack) {
        name = c->attack->name;
        params = &c->attack_params;
    } else if (reader->in_natural) {
        name = c->naturals[c->n_naturals - 1].noise->name;
        params = &c->naturals[c->n_naturals - 1].params;
    } else {
        return false;
    }
    size_t length = strlen(name);
    if (!strncmp(key, name, length) && key[length] == '.')
        key += length + 1; /* frost.overlays= is overlays= of frost */

    if (params_has(params, key)) {
        *st = given_before(reader, params, key)
                  ? status_fail(ERR_USAGE, "%s= is given twice", key)
                  : params_set(params, key, value);
    } else if (reader->in_natural && !strcmp(key, "set")) {
        *st = set_set(value, &c->naturals[c->n_naturals - 1].set);
    } else {
        return false;
    }
    return true;
}

static enum status set_key(struct reader *reader, char *word)
{
    char *value = strchr(word, '=');
    *value++ = 0;
    const char *key = !strcmp(word, "color")       ? "colour"
                      : !strcmp(word, "normalize") ? "normalise"
                                                   : word;
    enum status st;
    if (set_parameter(reader, key, value, &st))
        return st;
    for (size_t i = 0; condition_keys[i].key; i++) {
        if (strcmp(condition_keys[i].key, key))
            continue;
        if (reader->seen & 1u << i)
            return status_fail(ERR_USAGE, "%s= is given twice", key);
        reader->seen |= 1u << i;
        return condition_keys[i].set(reader->condition, value);
    }
    return unknown_key(reader, key);
}

static enum status read_words(struct reader *reader)
{
    const char *line = reader->line;
    size_t words = 0;
    for (size_t at = 0; line[at]; at += reader->length) {
        at += strspn(line + at, " \t\n");
        reader->start = at;
        reader->length = strcspn(line + at, " \t\n");
        if (!reader->length)
            break;
        char *word = mem_format("%.*s", (int)reader->length, line + at);
        enum status st = OK;
        if (strcmp(word, "+")) {
            words++;
            st = strchr(word, '=') ? set_key(reader, word) : add_noise(reader, word);
            if (!st && reader->clean && words > 1)
                st = status_fail(ERR_USAGE, "'clean' stands alone");
        }
        free(word);
        if (st)
            return point(reader);
    }
    if (words)
        return OK;
    return status_fail(ERR_USAGE, "an empty condition; the plain one is called 'clean'");
}

/* --- label -------------------------------------------------------------------------- */

static void separate(struct text *label, bool group)
{
    if (label->size)
        text_add(label, group ? " + " : " ");
}

/* The system keys from `from` to before `to`, in the table's order. */
static void label_keys(const struct condition *c, const char *from, const char *to,
                       bool group, struct text *label)
{
    bool inside = false;
    char buffer[64];
    for (const struct system_key *key = condition_keys; key->key; key++) {
        if (!strcmp(key->key, from))
            inside = true;
        if (to && !strcmp(key->key, to))
            break;
        const char *value = inside ? key->show(c, buffer) : NULL;
        if (!value)
            continue;
        separate(label, group);
        text_addf(label, "%s=%s", key->key, value);
        group = false;
    }
}

static const char *set_name(int set)
{
    return set < 0 ? "by size" : natural_set_name((enum natural_set)set);
}

static void label_params(const struct params *params, struct text *label)
{
    for (size_t i = 0; params->table && params->table[i].name; i++)
        if (!params_is_default(params, i) || !strcmp(params->table[i].name, "eps"))
            text_addf(label, " %s=%s", params->table[i].name, params->typed[i]);
}

static char *make_label(const struct condition *c)
{
    struct text label = {0};
    label_keys(c, "decode", "store", false, &label);
    for (size_t i = 0; i < c->n_naturals; i++) {
        const struct natural_step *step = &c->naturals[i];
        separate(&label, true);
        text_add(&label, step->noise->name);
        if (step->noise->severities > 1)
            text_addf(&label, ":%d", step->severity);
        if (step->set >= 0)
            text_addf(&label, " set=%s", set_name(step->set));
        label_params(&step->params, &label);
    }
    if (c->sequence) {
        separate(&label, true);
        text_addf(&label, "%s-p", c->sequence->name);
        if (c->difficulty > 1)
            text_addf(&label, ":%d", c->difficulty);
        if (c->sequence_set >= 0)
            text_addf(&label, " set=%s", set_name(c->sequence_set));
    }
    label_keys(c, "store", "normalise", false, &label);
    label_keys(c, "normalise", NULL, true, &label);
    if (c->attack) {
        separate(&label, true);
        text_add(&label, c->attack->name);
        label_params(&c->attack_params, &label);
    }
    return label.data ? label.data : mem_copy("clean");
}

/* --- JSON --------------------------------------------------------------------------- */

/* A path stands for what it holds, so that a changed overlay is another condition. An
 * attack's source is a model by name: its file is part of the cell's key. */
static enum status add_path(cJSON *object, const char *name, const char *path)
{
    char sha[HASH_HEX] = "";
    if (*path) {
        enum status st = hash_path(path, sha);
        if (st)
            return status_wrap(st, "%s=%s", name, path);
    }
    cJSON_AddStringToObject(object, name, sha);
    return OK;
}

static enum status add_params(cJSON *parent, const struct params *params)
{
    cJSON *object = cJSON_AddObjectToObject(parent, "params");
    for (size_t i = 0; params->table && params->table[i].name; i++) {
        const struct param *param = &params->table[i];
        enum status st = OK;
        if (param->kind == PARAM_PATH && strcmp(param->name, "source"))
            st = add_path(object, param->name, params->typed[i]);
        else if (param->kind == PARAM_PATH || param->kind == PARAM_WORD)
            cJSON_AddStringToObject(object, param->name, params->typed[i]);
        else
            cJSON_AddNumberToObject(object, param->name, params->number[i]);
        if (st)
            return st;
    }
    return OK;
}

static cJSON *add_member(cJSON *parent, const char *key, const char *name, int impl)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "name", name);
    cJSON_AddNumberToObject(object, "impl", impl);
    if (key)
        cJSON_AddItemToObject(parent, key, object);
    else
        cJSON_AddItemToArray(parent, object);
    return object;
}

static void add_keys(const struct condition *c, cJSON *json)
{
    char buffer[64];
    for (const struct system_key *key = condition_keys; key->key; key++) {
        const char *value = key->show(c, buffer);
        if (!value)
            continue;
        int impl = !strcmp(key->key, "decode")   ? c->decoder->impl
                   : !strcmp(key->key, "resize") ? c->resizer->impl
                   : !strcmp(key->key, "colour") ? c->colour->impl
                                                 : 0;
        if (impl)
            add_member(json, key->key, value, impl);
        else
            cJSON_AddStringToObject(json, key->key, value);
    }
}

static enum status make_json(const struct condition *c, cJSON *json)
{
    enum status st = OK;
    add_keys(c, json);
    cJSON *naturals = c->n_naturals ? cJSON_AddArrayToObject(json, "natural") : NULL;
    for (size_t i = 0; !st && i < c->n_naturals; i++) {
        const struct natural_step *step = &c->naturals[i];
        cJSON *object = add_member(naturals, NULL, step->noise->name, step->noise->impl);
        cJSON_AddNumberToObject(object, "severity", step->severity);
        cJSON_AddStringToObject(object, "set", set_name(step->set));
        st = add_params(object, &step->params);
    }
    if (c->sequence) {
        cJSON *object =
            add_member(json, "sequence", c->sequence->name, c->sequence->impl);
        cJSON_AddNumberToObject(object, "difficulty", c->difficulty);
        cJSON_AddStringToObject(object, "set", set_name(c->sequence_set));
    }
    if (!st && c->attack) {
        cJSON *object = add_member(json, "attack", c->attack->name, c->attack->impl);
        st = add_params(object, &c->attack_params);
    }
    return st;
}

static enum status identify(struct condition *c)
{
    cJSON *json = cJSON_CreateObject();
    enum status st = make_json(c, json);
    if (!st) {
        struct text canonical = {0};
        json_canonical(json, &canonical);
        c->json = canonical.data;
        hash_bytes(canonical.data, canonical.size, c->sha);
        c->label = make_label(c);
    }
    cJSON_Delete(json);
    return st;
}

/* --- columns ------------------------------------------------------------------------ */

/* The steps of a kind by name: "decode+resize", "fog+jpeg_compression". */
static char *name_noise(const struct condition *c)
{
    struct text noise = {0};
    char buffer[64];
    for (size_t i = 0; i < c->n_naturals; i++)
        text_addf(&noise, "%s%s", noise.size ? "+" : "", c->naturals[i].noise->name);
    for (const struct system_key *key = condition_keys; !c->n_naturals && key->key; key++)
        if (key->show(c, buffer))
            text_addf(&noise, "%s%s", noise.size ? "+" : "", key->key);
    return noise.data ? noise.data : mem_copy("clean");
}

/*
 * The columns by which results are grouped: those of the last kind in the line, for which
 * the rest is context: `decode=stb + fog:3` is a row of fog. The implementation number of
 * a chain is the sum of its members' rises; system members carry theirs in the JSON.
 */
static void make_columns(struct condition *c)
{
    c->impl = 1;
    c->eps = -1;
    c->noise = c->attack     ? mem_copy(c->attack->name)
               : c->sequence ? mem_format("%s-p", c->sequence->name)
                             : name_noise(c);
    c->kind = c->attack                   ? "adversarial"
              : c->sequence               ? "sequence"
              : c->n_naturals             ? "natural"
              : strcmp(c->noise, "clean") ? "system"
                                          : "clean";
    for (size_t i = 0; i < c->n_naturals; i++)
        c->impl += c->naturals[i].noise->impl - 1;
    if (c->n_naturals == 1 && c->naturals[0].noise->severities > 1)
        c->severity = c->naturals[0].severity;
    if (c->sequence) {
        c->impl = c->sequence->impl;
        c->severity = c->difficulty;
    }
    if (!c->attack)
        return;
    c->impl += c->attack->impl - 1;
    c->norm = c->attack->norm == NORM_LINF ? "Linf"
              : c->attack->norm == NORM_L2 ? "L2"
                                           : "L1";
    if (params_has(&c->attack_params, "source") &&
        *params_word(&c->attack_params, "source"))
        c->source = mem_copy(params_word(&c->attack_params, "source"));
    if (params_has(&c->attack_params, "eps"))
        c->eps = params_real(&c->attack_params, "eps");
}

enum status condition_parse(const char *line, struct condition *out)
{
    *out = (struct condition){.size = -1, .crop = -1, .sequence_set = -1, .eps = -1};
    struct reader reader = {.line = line, .condition = out};
    enum status st = read_words(&reader);
    if (!st)
        st = identify(out);
    if (st) {
        condition_clear(out);
        return st;
    }
    make_columns(out);
    return OK;
}

void condition_clear(struct condition *condition)
{
    for (size_t i = 0; i < condition->n_naturals; i++)
        params_clear(&condition->naturals[i].params);
    params_clear(&condition->attack_params);
    free(condition->source);
    free(condition->label);
    free(condition->json);
    free(condition->noise);
    *condition = (struct condition){0};
}
