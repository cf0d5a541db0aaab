/* Sessions are costly to open (10 to 600 ms) and cheap to keep. */
#include "harness/wave.h"

#include "base/mem.h"
#include "base/threads.h"

#include <stdlib.h>
#include <string.h>

struct slot {
    const struct model *model;
    struct session_options options;
    struct session *session; /* NULL: it cannot be opened */
    enum status st;
    char *message;
};

struct shelf {
    struct slot *slots;
    size_t count;
};

struct session_pool {
    int threads;
    struct shelf *shelves; /* [threads]: a worker touches its own alone */
};

struct session_pool *session_pool_open(int threads)
{
    struct session_pool *pool = mem_new(sizeof *pool);
    pool->threads = threads > 0 ? threads : threads_available();
    pool->shelves = mem_array((size_t)pool->threads, sizeof *pool->shelves);
    return pool;
}

static void clear_slot(struct slot *slot)
{
    session_close(slot->session);
    free(slot->message);
}

void session_pool_close(struct session_pool *pool)
{
    if (!pool)
        return;
    for (int i = 0; i < pool->threads; i++) {
        for (size_t k = 0; k < pool->shelves[i].count; k++)
            clear_slot(&pool->shelves[i].slots[k]);
        free(pool->shelves[i].slots);
    }
    free(pool->shelves);
    free(pool);
}

static bool same_word(const char *a, const char *b)
{
    return (!a && !b) || (a && b && !strcmp(a, b));
}

static bool same_options(const struct session_options *a, const struct session_options *b)
{
    return a->gradient == b->gradient && a->simulate == b->simulate &&
           a->no_fold == b->no_fold && a->ceil_mode == b->ceil_mode &&
           a->normalise == b->normalise &&
           same_word(a->precision, b->precision);
}

enum status session_pool_get(struct session_pool *pool, int worker,
                             const struct model *model,
                             const struct session_options *options, struct session **out)
{
    struct shelf *shelf = &pool->shelves[worker];
    for (size_t i = 0; i < shelf->count; i++) {
        struct slot *slot = &shelf->slots[i];
        if (slot->model != model || !same_options(&slot->options, options))
            continue;
        *out = slot->session;
        return slot->st ? status_fail(slot->st, "%s", slot->message) : OK;
    }
    shelf->slots = mem_grow(shelf->slots, shelf->count + 1, sizeof *shelf->slots);
    struct slot *slot = &shelf->slots[shelf->count++];
    *slot = (struct slot){.model = model, .options = *options};
    slot->st = session_open(model, options, &slot->session);
    if (slot->st) {
        slot->session = NULL;
        slot->message = mem_copy(status_message());
    }
    *out = slot->session;
    return slot->st;
}

/* A network of the wave, with its gradient only where it is its own; or a source. */
static bool needed(const struct plan *plan, const struct wave *wave, const struct slot *slot)
{
    for (size_t i = 0; i < wave->count; i++) {
        const struct cell *cell = wave->cells[i];
        bool lent = cell->source >= 0 && !cell_condition(plan, cell)->attack->own_gradient;
        if (plan->models[cell->model].model == slot->model &&
            !(lent && slot->options.gradient))
            return true;
        if (cell->source >= 0 && plan->models[cell->source].model == slot->model)
            return true;
    }
    return false;
}

void session_pool_trim(struct session_pool *pool, const struct plan *plan,
                       const struct wave *wave)
{
    for (int i = 0; i < pool->threads; i++) {
        struct shelf *shelf = &pool->shelves[i];
        size_t kept = 0;
        for (size_t k = 0; k < shelf->count; k++) {
            if (needed(plan, wave, &shelf->slots[k]))
                shelf->slots[kept++] = shelf->slots[k];
            else
                clear_slot(&shelf->slots[k]);
        }
        shelf->count = kept;
    }
}
