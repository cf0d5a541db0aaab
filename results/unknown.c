/*
 * Pictures of no known class (runs with --ood) against a section's own: how well the
 * largest softmax probability of the clean picture tells them apart. Where networks chose
 * among a part of their classes, the two sides' probabilities could not be compared.
 *
 * Source: Hendrycks & Gimpel, ICLR 2017, arXiv:1610.02136; on ImageNet-O Hendrycks et al.,
 * CVPR 2021, arXiv:1907.07174.
 */
#include "results/board_parts.h"

#include "results/metrics/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Scores are higher for the unknown: minus the confidence. Pictures that failed are null
 * and left out. The caller frees. */
static double *read_scores(const char *json, size_t *count)
{
    size_t room = 1;
    for (const char *at = json; *at; at++)
        room += *at == ',';
    double *scores = mem_array(room, sizeof *scores);
    *count = 0;
    for (const char *at = json; *at == '[' || *at == ',';) {
        char *end = NULL;
        double confidence = strtod(at + 1, &end);
        if (end > at + 1)
            scores[(*count)++] = -confidence;
        at += 1 + strcspn(at + 1, ",]");
    }
    return scores;
}

static void add_detection(struct board *board, struct board_section *section,
                          const struct query *query)
{
    for (size_t r = 0; r < section->n_rows; r++) {
        if (section->rows[r].model_id != query_int(query, 2))
            continue;
        size_t n_out, n_in;
        double *out = read_scores(query_text(query, 3), &n_out);
        double *in = read_scores(query_text(query, 4), &n_in);
        section->detections = mem_grow(section->detections, section->n_detections + 1,
                                       sizeof *section->detections);
        section->detections[section->n_detections++] = (struct board_detection){
            .row = (int)r,
            .name = arena_format(&board->arena, "%s (%zu pictures)", query_text(query, 0),
                                 n_out),
            .detection = detect(out, n_out, in, n_in),
        };
        free(out);
        free(in);
    }
}

enum status board_unknown(sqlite3 *db, struct board *board, struct board_section *section)
{
    struct query query;
    if (strstr(section->subset, "among="))
        return OK;
    int64_t any = 0;
    enum status st = sql_int(db, 0, &any,
                             "SELECT EXISTS(SELECT 1 FROM subset WHERE spec LIKE '%role=ood%')",
                             "");
    if (st || !any) /* most stores: spare the view, twice */
        return st;
    query_begin(&query, db,
                "SELECT o.dataset, o.subset_id, o.model_id, po.conf, pi.conf FROM result o"
                " JOIN pred po ON po.cell_id = o.cell_id"
                " JOIN result i ON i.model_id = o.model_id AND i.subset_id = ?"
                "  AND i.kind = 'clean'"
                " JOIN pred pi ON pi.cell_id = i.cell_id"
                " WHERE o.kind = 'clean' AND o.subset LIKE '%role=ood%'"
                "  AND po.conf IS NOT NULL AND pi.conf IS NOT NULL"
                " ORDER BY o.dataset, o.subset_id, o.model, o.model_id", "i",
                section->subset_id);
    while (query_row(&query))
        add_detection(board, section, &query);
    return query_end(&query);
}
