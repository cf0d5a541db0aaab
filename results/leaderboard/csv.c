/* One line per cell, RFC 4180: CRLF, quotes doubled. Shares are 0..1, unrounded. */
#include "results/board.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

static void put_text(const char *text, FILE *out)
{
    text = text ? text : "";
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, out);
    } else {
        fputc('"', out);
        for (; *text; text++) {
            if (*text == '"')
                fputc('"', out);
            fputc(*text, out);
        }
        fputc('"', out);
    }
    fputs(",", out);
}

static void put_real(double value, FILE *out)
{
    char number[32];
    fprintf(out, "%s,", isnan(value) ? "" : text_number(value, number));
}

static void put_cell(const struct board_section *section, const struct board_row *row,
                     const struct board_condition *condition, const struct board_cell *cell,
                     FILE *out)
{
    const char *const before[] = {
        row->model,       row->variant,    row->precision,   row->twin,
        section->dataset, section->split,  section->subset,  board_kind_names[condition->kind],
        condition->noise, condition->label};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        put_text(before[i], out);
    if (condition->severity)
        fprintf(out, "%d", condition->severity);
    fputc(',', out);
    put_text(condition->norm, out);
    put_real(condition->eps, out);
    fprintf(out, "%lld,", (long long)cell->n);
    const double numbers[] = {cell->acc, cell->lo, cell->hi, cell->delta, cell->delta_se,
                              cell->kept, cell->acc5, cell->ece};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        put_real(numbers[i], out);
    put_text(cell->flags, out);
    put_text(cell->source, out);
    put_real(cell->cpu_s, out);
    fprintf(out, "%lld,%lld\r\n", (long long)cell->forwards, (long long)cell->backwards);
}

static enum status write_csv(struct store *store, const struct board *board,
                             const struct leaderboard_options *options, FILE *out)
{
    (void)store, (void)options;
    fputs("model,variant,precision,twin,dataset,split,subset,kind,noise,condition,severity,"
          "norm,eps,n,acc,lo95,hi95,delta,delta_se,kept,acc5,ece,flags,source,cpu_s,"
          "forwards,backwards\r\n", out);
    for (size_t s = 0; s < board->n_sections; s++) {
        const struct board_section *section = &board->sections[s];
        for (size_t r = 0; r < section->n_rows; r++)
            for (size_t c = 0; c < section->n_conditions; c++)
                if (section->rows[r].cells[c])
                    put_cell(section, &section->rows[r], &section->conditions[c],
                             section->rows[r].cells[c], out);
    }
    return OK;
}

const struct leaderboard_format leaderboard_csv = {
    .name = "csv",
    .summary = "one line per cell, for spreadsheets and data frames",
    .extension = "csv",
    .write = write_csv,
};
