/*
 * Checkpoints: what the cells of a wave have come to, as JSON under the cell's key.
 *
 *     {"n":500,"cpu_s":12.5,"done":"1101...","rows":[[3,0,2.5,0.98,null,1,"",...],...]}
 *
 * One row per done sample, in order. Floats are written with nine digits, which give the
 * same float back, so that a resumed cell equals an undisturbed one.
 */
#include "harness/wave.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROW = 20 };

static void add_float(struct text *out, float value)
{
    if (isfinite(value))
        text_addf(out, "%.9g,", (double)value);
    else
        text_add(out, isnan(value) ? "null," : value > 0 ? "\"inf\"," : "\"-inf\",");
}

/* A preflight's answers as bits, and back. */
static unsigned pack(const struct verdict *v)
{
    const struct preflight *p = &v->preflight;
    const bool bits[] = {p->done,      p->zero_ce, p->zero_margin, p->zero_dlr,
                         p->saturated, p->softmax, v->survives_all};
    unsigned packed = 0;
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        packed |= (unsigned)bits[i] << i;
    return packed;
}

static void unpack(unsigned packed, struct verdict *v)
{
    struct preflight *p = &v->preflight;
    bool *const bits[] = {&p->done,      &p->zero_ce, &p->zero_margin, &p->zero_dlr,
                          &p->saturated, &p->softmax, &v->survives_all};
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        *bits[i] = packed >> i & 1;
}

static void add_row(struct text *out, const struct verdict *v)
{
    text_addf(out, "[%d,%d,", v->top1, v->rank);
    add_float(out, v->margin);
    add_float(out, v->confidence);
    add_float(out, v->distance);
    text_addf(out, "%d,%d,%d,%d,%d,%u,%u,", v->queries, v->zero_gradient, v->violated,
              v->broken, v->broken_8bit, v->forwards, v->backwards);
    json_string(out, v->broken_by);
    text_addf(out, ",%u,%u,%.9g,%.9g,%d,%d,%d]", v->steps_done, pack(v),
              (double)v->preflight.fidelity, (double)v->preflight.change, v->stability.pairs,
              v->stability.flips, v->stability.spread);
}

static void add_failures(const struct wave_run *run, size_t cell, struct text *out)
{
    bool first = true;
    text_add(out, "],\"failures\":[");
    for (size_t i = 0; i < run->n_failures; i++) {
        const struct sample_failure *failure = &run->failures[i];
        if (failure->cell != cell)
            continue;
        text_addf(out, "%s[%u,", first ? "" : ",", failure->item);
        json_string(out, failure->stage);
        text_add(out, ",");
        json_string(out, failure->message);
        text_add(out, "]");
        first = false;
    }
    text_add(out, "]}");
}

static enum status save_cell(struct wave_run *run, size_t index)
{
    const struct progress_of_cell *cell = &run->cells[index];
    struct text out = {0}, rows = {0};
    text_addf(&out, "{\"n\":%zu,\"cpu_s\":%.9g,\"done\":\"", run->n, cell->cpu_s);
    for (size_t i = 0; i < run->n; i++) {
        bool done = __atomic_load_n(&cell->done[i], __ATOMIC_ACQUIRE);
        text_add(&out, done ? "1" : "0");
        if (!done)
            continue;
        if (rows.size)
            text_add(&rows, ",");
        add_row(&rows, &cell->verdicts[i]);
    }
    text_add(&out, "\",\"rows\":[");
    text_add(&out, rows.data ? rows.data : "");
    add_failures(run, index, &out);
    enum status st =
        store_put_checkpoint(run->store, run->wave.cells[index]->key, out.data);
    text_clear(&out);
    text_clear(&rows);
    return st;
}

enum status checkpoint_save(struct wave_run *run)
{
    enum status st = OK;
    for (size_t i = 0; !st && i < run->wave.count; i++)
        if (!run->cells[i].error && !run->cells[i].timed_out)
            st = save_cell(run, i);
    return st;
}

/* --- back --------------------------------------------------------------------------- */

static float read_float(const cJSON *value)
{
    if (cJSON_IsNumber(value))
        return (float)value->valuedouble;
    if (!cJSON_IsString(value))
        return NAN;
    return value->valuestring[0] == '-' ? -INFINITY : INFINITY;
}

/* Words live as long as the run; a verdict only points at them. */
static const char *keep_name(struct wave_run *run, const char *name)
{
    for (size_t i = 0; i < run->n_names; i++)
        if (!strcmp(run->names[i], name))
            return run->names[i];
    run->names = mem_grow(run->names, run->n_names + 1, sizeof *run->names);
    return run->names[run->n_names++] = mem_copy(name);
}

static bool read_row(struct wave_run *run, const cJSON *row, struct verdict *out)
{
    const cJSON *at[ROW];
    int count = 0;
    for (const cJSON *value = row->child; value; value = value->next)
        if (count < ROW)
            at[count++] = value;
    if (count != ROW)
        return false;
    *out = (struct verdict){
        .top1 = (int)at[0]->valuedouble,
        .rank = (int)at[1]->valuedouble,
        .margin = read_float(at[2]),
        .confidence = read_float(at[3]),
        .distance = read_float(at[4]),
        .queries = (int)at[5]->valuedouble,
        .zero_gradient = at[6]->valuedouble > 0,
        .violated = at[7]->valuedouble > 0,
        .broken = at[8]->valuedouble > 0,
        .broken_8bit = at[9]->valuedouble > 0,
        .forwards = (uint32_t)at[10]->valuedouble,
        .backwards = (uint32_t)at[11]->valuedouble,
        .broken_by = cJSON_IsString(at[12]) ? keep_name(run, at[12]->valuestring) : NULL,
        .steps_done = (uint32_t)at[13]->valuedouble,
        .preflight.fidelity = read_float(at[15]),
        .preflight.change = read_float(at[16]),
        .stability = {(int)at[17]->valuedouble, (int)at[18]->valuedouble,
                      (int)at[19]->valuedouble},
    };
    unpack((unsigned)at[14]->valuedouble, out);
    return true;
}

static const char *known_stage(const char *stage)
{
    static const char *const stages[] = {"read",  "decode", "resize", "colour",
                                         "noise", "store",  "model",  "attack"};
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        if (!strcmp(stages[i], stage))
            return stages[i];
    return "model";
}

static void read_failures(struct wave_run *run, size_t index, const cJSON *list)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, list)
    {
        const cJSON *item = cJSON_GetArrayItem(entry, 0),
                    *stage = cJSON_GetArrayItem(entry, 1),
                    *message = cJSON_GetArrayItem(entry, 2);
        if (!cJSON_IsNumber(item) || !cJSON_IsString(stage) || !cJSON_IsString(message))
            continue;
        run->failures =
            mem_grow(run->failures, run->n_failures + 1, sizeof *run->failures);
        run->failures[run->n_failures++] = (struct sample_failure){
            .cell = index,
            .item = (uint32_t)item->valuedouble,
            .stage = known_stage(stage->valuestring),
            .message = mem_copy(message->valuestring),
        };
    }
}

static bool read_cell(struct wave_run *run, size_t index, const cJSON *json)
{
    struct progress_of_cell *cell = &run->cells[index];
    const cJSON *n = cJSON_GetObjectItem(json, "n"),
                *done = cJSON_GetObjectItem(json, "done"),
                *rows = cJSON_GetObjectItem(json, "rows"),
                *cpu = cJSON_GetObjectItem(json, "cpu_s");
    if (!cJSON_IsNumber(n) || (size_t)n->valuedouble != run->n || !cJSON_IsString(done) ||
        strlen(done->valuestring) != run->n || !cJSON_IsArray(rows) ||
        !cJSON_IsNumber(cpu))
        return false;
    const cJSON *row = rows->child;
    for (size_t i = 0; i < run->n; i++) {
        if (done->valuestring[i] != '1')
            continue;
        if (!row || !read_row(run, row, &cell->verdicts[i])) {
            memset(cell->done, 0, run->n);
            return false;
        }
        cell->done[i] = 1;
        row = row->next;
    }
    cell->cpu_s = cpu->valuedouble;
    read_failures(run, index, cJSON_GetObjectItem(json, "failures"));
    return true;
}

enum status checkpoint_load(struct wave_run *run)
{
    for (size_t i = 0; i < run->wave.count; i++) {
        char *text = NULL;
        const struct cell *cell = run->wave.cells[i];
        enum status st = store_get_checkpoint(run->store, cell->key, &text);
        if (st)
            return st;
        if (!text)
            continue;
        cJSON *json = cJSON_Parse(text);
        if (!json || !read_cell(run, i, json))
            progress_note("%s: its checkpoint does not fit, starting over",
                          cell_name(run->plan, cell));
        cJSON_Delete(json);
        free(text);
    }
    return OK;
}
