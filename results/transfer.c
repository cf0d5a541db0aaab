/* Transfer: what was crafted on one network, shown to others. */
#include "results/board_parts.h"

#include <stdlib.h>
#include <string.h>

char *board_cut(struct arena *arena, const char *label, const char *key, char **rest)
{
    char *word = arena_format(arena, " %s", key);
    const char *at = strstr(label, word);
    if (!at)
        return NULL;
    const char *value = at + strlen(word);
    int size = (int)strcspn(value, " ");
    *rest = arena_format(arena, "%.*s%s", (int)(at - label), label, value + size);
    return arena_format(arena, "%.*s", size, value);
}

static struct board_transfer *find(struct board_section *section, const char *label)
{
    for (size_t i = 0; i < section->n_transfers; i++)
        if (!strcmp(section->transfers[i].label, label))
            return &section->transfers[i];
    section->transfers = mem_grow(section->transfers, section->n_transfers + 1,
                                  sizeof *section->transfers);
    struct board_transfer *transfer = &section->transfers[section->n_transfers++];
    *transfer = (struct board_transfer){.label = label};
    return transfer;
}

/* Rows first, so that an attack on oneself lies on the diagonal. */
static size_t rank_of(const struct board_section *section, const char *source)
{
    size_t i = 0;
    while (i < section->n_rows && strcmp(section->rows[i].model, source))
        i++;
    return i;
}

static void insert(struct arena *arena, const struct board_section *section,
                   struct board_transfer *transfer, const char *source, size_t condition)
{
    size_t at = transfer->n_sources, rows = section->n_rows;
    const char **sources = arena_alloc(arena, (at + 1) * sizeof *sources);
    const struct board_cell **cells = arena_alloc(arena, (at + 1) * rows * sizeof *cells);
    while (at > 0 && rank_of(section, transfer->sources[at - 1]) > rank_of(section, source))
        at--;
    for (size_t i = 0; i <= transfer->n_sources; i++) {
        size_t from = i < at ? i : i - 1;
        sources[i] = i == at ? source : transfer->sources[from];
        for (size_t r = 0; r < rows; r++)
            cells[i * rows + r] = i == at ? section->rows[r].cells[condition]
                                          : transfer->cells[from * rows + r];
    }
    transfer->sources = sources;
    transfer->cells = cells;
    transfer->n_sources++;
}

/* Protocols and backward passes from elsewhere are no transfer. */
static bool is_transfer(const struct board_condition *condition)
{
    return condition->kind == KIND_ADVERSARIAL && strncmp(condition->noise, "ndg", 3) &&
           !strstr(condition->label, " use=backward");
}

void board_transfers(struct board *board, struct board_section *section)
{
    for (size_t c = 0; c < section->n_conditions; c++) {
        char *label, *source;
        if (!is_transfer(&section->conditions[c]))
            continue;
        source = board_cut(&board->arena, section->conditions[c].label, "source=", &label);
        if (source)
            insert(&board->arena, section, find(section, label), source, c);
    }
}
