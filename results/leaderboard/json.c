#include "results/leaderboard/json.h"

#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void json_real(struct text *out, double value)
{
    char number[32], rounded[32];
    snprintf(rounded, sizeof rounded, "%.6f", value);
    text_add(out, isnan(value) ? "null" : text_number(strtod(rounded, NULL), number));
}

static void key(struct text *out, const char *name)
{
    char last = out->data[out->size - 1];
    if (last != '{' && last != '[')
        text_add(out, ",");
    json_string(out, name);
    text_add(out, ":");
}

static void text_member(struct text *out, const char *name, const char *value)
{
    key(out, name);
    json_string(out, value);
}

static void int_member(struct text *out, const char *name, int64_t value)
{
    key(out, name);
    text_addf(out, "%lld", (long long)value);
}

static void real_member(struct text *out, const char *name, double value)
{
    key(out, name);
    json_real(out, value);
}

static void comma(struct text *out, bool first)
{
    text_add(out, first ? "\n" : ",\n");
}

static void put_value(struct text *out, const char *name, const struct board_value *value)
{
    if (!value->present)
        return;
    key(out, name);
    text_add(out, "{");
    real_member(out, "value", value->value);
    real_member(out, "lo", value->lo);
    real_member(out, "hi", value->hi);
    int_member(out, "conditions", value->conditions);
    if (value->partial)
        text_add(out, ",\"partial\":true");
    if (value->condition >= 0)
        int_member(out, "condition", value->condition);
    text_add(out, "}");
}

static void put_cell(struct text *out, const struct board_cell *cell)
{
    if (!cell) {
        text_add(out, "null");
        return;
    }
    text_add(out, "{");
    int_member(out, "id", cell->cell_id);
    int_member(out, "ok", cell->n_ok);
    real_member(out, "acc", cell->acc);
    real_member(out, "lo", cell->lo);
    real_member(out, "hi", cell->hi);
    if (cell->paired) {
        int_member(out, "clean_ok", cell->n_clean_ok);
        int_member(out, "lost", cell->n_lost);
        int_member(out, "won", cell->n_won);
        real_member(out, "delta", cell->delta);
        real_member(out, "delta_se", cell->delta_se);
        real_member(out, "kept", cell->kept);
    }
    if (!isnan(cell->acc5))
        real_member(out, "acc5", cell->acc5);
    if (!isnan(cell->ece))
        real_member(out, "ece", cell->ece);
    if (cell->n_unread)
        int_member(out, "unread", cell->n_unread);
    if (cell->forwards) {
        int_member(out, "forwards", cell->forwards);
        int_member(out, "backwards", cell->backwards);
        real_member(out, "cpu_s", cell->cpu_s);
    }
    if (cell->source)
        text_member(out, "source", cell->source);
    if (cell->flags)
        text_member(out, "flags", cell->flags);
    text_add(out, "}");
}

static void put_condition(struct text *out, const struct board_condition *condition)
{
    text_add(out, "{");
    text_member(out, "kind", board_kind_names[condition->kind]);
    text_member(out, "noise", condition->noise);
    text_member(out, "label", condition->label);
    if (condition->severity)
        int_member(out, "severity", condition->severity);
    if (condition->norm)
        text_member(out, "norm", condition->norm);
    if (!isnan(condition->eps))
        real_member(out, "eps", condition->eps);
    text_add(out, "}");
}

static void put_row(struct text *out, const struct board_section *section,
                    const struct board_row *row)
{
    text_add(out, "{");
    text_member(out, "model", row->model);
    text_member(out, "variant", row->variant);
    text_member(out, "precision", row->precision);
    text_member(out, "arch", row->arch);
    text_member(out, "family", row->family);
    text_member(out, "technique", row->technique);
    text_member(out, "twin", row->twin);
    text_member(out, "sha256", row->file_sha);
    int_member(out, "bytes", row->file_bytes);
    int_member(out, "params", row->params);
    int_member(out, "macs", row->macs);
    int_member(out, "group", row->group);
    text_member(out, "flags", row->flags);
    key(out, "unreliable");
    text_add(out, row->unreliable ? "true" : "false");
    key(out, "values");
    text_add(out, "{");
    for (int m = 0; m < MEASURES; m++)
        put_value(out, board_measures[m].name, &row->values[m]);
    text_add(out, "}");
    key(out, "cells");
    text_add(out, "[");
    for (size_t c = 0; c < section->n_conditions; c++) {
        text_add(out, c ? "," : "");
        put_cell(out, row->cells[c]);
    }
    text_add(out, "]}");
}

static void put_twin(struct text *out, const struct board_twin *twin)
{
    text_add(out, "{");
    int_member(out, "row", twin->row);
    int_member(out, "twin", twin->twin_row);
    key(out, "lines");
    text_add(out, "[");
    for (size_t i = 0; i < twin->n_lines; i++) {
        const struct board_twin_line *line = &twin->lines[i];
        text_add(out, i ? ",{" : "{");
        text_member(out, "kind", board_kind_names[line->kind]);
        if (line->crafted)
            text_member(out, "crafted_on_either", line->crafted);
        int_member(out, "conditions", line->conditions);
        real_member(out, "acc", line->acc);
        real_member(out, "twin_acc", line->twin_acc);
        real_member(out, "p", line->p);
        put_value(out, "difference", &line->difference);
        put_value(out, "beyond_clean", &line->beyond);
        text_add(out, "}");
    }
    text_add(out, "]}");
}

static void put_names(struct text *out, const char *name, const char *const *names,
                      size_t count)
{
    key(out, name);
    text_add(out, "[");
    for (size_t i = 0; i < count; i++) {
        text_add(out, i ? "," : "");
        json_string(out, names[i]);
    }
    text_add(out, "]");
}

static void put_matrix(struct text *out, const struct board_matrix *matrix)
{
    text_add(out, "{");
    int_member(out, "row", matrix->row);
    put_names(out, "decoders", matrix->decoders, matrix->n_decoders);
    put_names(out, "resizers", matrix->resizers, matrix->n_resizers);
    key(out, "acc");
    text_add(out, "[");
    for (size_t i = 0; i < matrix->n_decoders * matrix->n_resizers; i++) {
        text_add(out, i ? "," : "");
        json_real(out, matrix->cells[i] ? matrix->cells[i]->acc : (double)NAN);
    }
    text_add(out, "]");
    real_member(out, "mean", matrix->mean);
    real_member(out, "sd", matrix->sd);
    real_member(out, "min", matrix->min);
    real_member(out, "max", matrix->max);
    int_member(out, "worst", matrix->worst);
    real_member(out, "flip_rate", matrix->flip_rate);
    real_member(out, "per_sample_worst", matrix->persample_worst);
    put_value(out, "mean_delta", &matrix->mean_delta);
    put_value(out, "worst_delta", &matrix->worst_delta);
    put_value(out, "per_sample_worst_delta", &matrix->persample_delta);
    put_value(out, "flips", &matrix->flips);
    text_add(out, "}");
}

static void put_stability(struct text *out, const struct board_stability *line)
{
    text_add(out, "{");
    int_member(out, "row", line->row);
    int_member(out, "difficulty", line->difficulty);
    put_value(out, "flip_rate", &line->flips);
    put_value(out, "top5_distance", &line->top5_distance);
    put_value(out, "mfr", &line->mfr);
    put_value(out, "mt5d", &line->mt5d);
    real_member(out, "right_in_all", line->right);
    key(out, "sequences");
    text_add(out, "[");
    for (int s = 0; s < line->n_sequences; s++) {
        const struct board_sequence *entry = &line->sequences[s];
        text_add(out, s ? ",{" : "{");
        text_member(out, "name", entry->name);
        real_member(out, "flip_rate", entry->flip_rate);
        real_member(out, "top5_distance", entry->top5_distance);
        real_member(out, "right_in_all", entry->right);
        text_add(out, "}");
    }
    text_add(out, "]}");
}

static void put_detection(struct text *out, const struct board_detection *found)
{
    text_add(out, "{");
    int_member(out, "row", found->row);
    text_member(out, "unknown", found->name);
    real_member(out, "auroc", found->detection.auroc);
    real_member(out, "auroc_se", found->detection.auroc_se);
    real_member(out, "aupr", found->detection.aupr);
    real_member(out, "fpr95", found->detection.fpr95);
    text_add(out, "}");
}

static void put_transfer(struct text *out, const struct board_section *section,
                         const struct board_transfer *transfer)
{
    text_add(out, "{");
    text_member(out, "attack", transfer->label);
    put_names(out, "sources", transfer->sources, transfer->n_sources);
    key(out, "kept"); /* by source, then row */
    text_add(out, "[");
    for (size_t i = 0; i < transfer->n_sources * section->n_rows; i++) {
        text_add(out, i ? "," : "");
        json_real(out, transfer->cells[i] ? transfer->cells[i]->kept : (double)NAN);
    }
    text_add(out, "]}");
}

static void put_curve(struct text *out, const struct board_curve *curve)
{
    text_add(out, "{");
    int_member(out, "row", curve->row);
    text_member(out, "attack", curve->attack);
    text_member(out, "norm", curve->norm);
    real_member(out, "median", isfinite(curve->median) ? curve->median : (double)NAN);
    key(out, "points");
    text_add(out, "[");
    for (size_t i = 0; i < curve->n_points; i++) {
        text_add(out, i ? ",[" : "[");
        json_real(out, curve->eps[i]);
        text_add(out, ",");
        json_real(out, curve->acc[i]);
        text_add(out, "]");
    }
    text_add(out, "]}");
}

static void put_section(struct text *out, const struct board_section *section)
{
    text_add(out, "{");
    text_member(out, "dataset", section->dataset);
    text_member(out, "split", section->split);
    text_member(out, "subset", section->subset);
    int_member(out, "n", section->n);
    key(out, "conditions");
    text_add(out, "[");
    for (size_t i = 0; i < section->n_conditions; i++) {
        comma(out, !i);
        put_condition(out, &section->conditions[i]);
    }
    text_add(out, "],\n\"rows\":[");
    for (size_t i = 0; i < section->n_rows; i++) {
        comma(out, !i);
        put_row(out, section, &section->rows[i]);
    }
    text_add(out, "],\n\"twins\":[");
    for (size_t i = 0; i < section->n_twins; i++) {
        comma(out, !i);
        put_twin(out, &section->twins[i]);
    }
    text_add(out, "],\n\"matrices\":[");
    for (size_t i = 0; i < section->n_matrices; i++) {
        comma(out, !i);
        put_matrix(out, &section->matrices[i]);
    }
    text_add(out, "],\n\"stability\":[");
    for (size_t i = 0; i < section->n_stabilities; i++) {
        comma(out, !i);
        put_stability(out, &section->stabilities[i]);
    }
    text_add(out, "],\n\"unknown_classes\":[");
    for (size_t i = 0; i < section->n_detections; i++) {
        comma(out, !i);
        put_detection(out, &section->detections[i]);
    }
    text_add(out, "],\n\"transfers\":[");
    for (size_t i = 0; i < section->n_transfers; i++) {
        comma(out, !i);
        put_transfer(out, section, &section->transfers[i]);
    }
    text_add(out, "],\n\"curves\":[");
    for (size_t i = 0; i < section->n_curves; i++) {
        comma(out, !i);
        put_curve(out, &section->curves[i]);
    }
    text_add(out, "]}");
}

void board_json(const struct board *board, struct text *out)
{
    text_add(out, "{");
    text_member(out, "program", "gauntlet");
    text_member(out, "version", board->version);
    text_member(out, "finished", board->finished);
    text_member(out, "sort", board->sort == MEASURES ? "name" : board_measures[board->sort].name);
    int_member(out, "runs", board->n_runs);
    int_member(out, "failed", board->n_failed);
    text_add(out, ",\n\"sections\":[");
    for (size_t i = 0; i < board->n_sections; i++) {
        comma(out, !i);
        put_section(out, &board->sections[i]);
    }
    text_add(out, "]}\n");
}

static enum status write_json(struct store *store, const struct board *board,
                              const struct leaderboard_options *options, FILE *out)
{
    (void)store, (void)options;
    struct text text = {0};
    board_json(board, &text);
    fputs(text.data, out);
    text_clear(&text);
    return OK;
}

const struct leaderboard_format leaderboard_json = {
    .name = "json",
    .summary = "everything, for programs",
    .extension = "json",
    .write = write_json,
};
